"""The command line of the benchmark."""

from __future__ import annotations

import pytest

from bench.asked import Asked, asked
from bench.questions import QUESTIONS, QUICK
from bench.targets import TARGETS

KNOWN = {"creates": "what a create costs", "lone": "how long one takes", "memory": "how much"}


def read(*argv: str) -> Asked:
    return asked(argv, KNOWN, ("creates", "lone"))


def test_without_a_question_all_are_asked() -> None:
    assert read().questions == ("creates", "lone", "memory")


def test_the_short_form_asks_its_own_and_less_of_each() -> None:
    assert read("--quick").questions == ("creates", "lone")
    assert read("--quick").creates < read().creates


def test_what_is_named_wins_over_the_short_form() -> None:
    found = read("--quick", "memory", "--creates", "7")
    assert (found.questions, found.creates) == (("memory",), 7)


def test_questions_are_asked_in_the_order_of_the_table() -> None:
    assert read("memory", "creates").questions == ("creates", "memory")


def test_sizes_are_lists_of_numbers() -> None:
    found = read("--bookings", "0,1_000_000", "--workers", "1,4")
    assert (found.bookings, found.workers) == ((0, 1_000_000), (1, 4))


@pytest.mark.parametrize("argv", [["nonsense"], ["--rounds", "0"], ["--bookings", "many"]])
def test_what_makes_no_sense_is_refused_with_the_way_it_is_called(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        read(*argv)
    assert exit_.value.code == 2
    assert "usage: python -m bench" in capsys.readouterr().err


def test_the_short_form_and_the_targets_name_questions_that_there_are() -> None:
    assert set(QUICK) <= QUESTIONS.keys()
    assert {each.figure.partition(":")[0] for each in TARGETS} <= QUESTIONS.keys()
