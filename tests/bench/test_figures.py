"""From runs to figures, verdicts and changes."""

from __future__ import annotations

import pytest

from bench.comparing import changes
from bench.figures import Answer, Figure, Measurement, Ratio
from bench.targets import Target, judged


def an_answer(worker: list[float], floor: list[float]) -> Answer:
    answer = Answer("creates", [Ratio("worker", "floor", "CPU ms each")])
    for ours, theirs in zip(worker, floor, strict=True):
        answer.add("floor", Measurement({"CPU ms each": theirs}))
        answer.add("worker", Measurement({"CPU ms each": ours}))
    return answer


def figure(*values: float, subject: str = "worker") -> Figure:
    return Figure("creates", subject, "a second", values)


def test_a_figure_is_the_median_with_its_spread() -> None:
    found = figure(700, 900, 800)
    assert found.median == 800
    assert found.spread == (700, 900)


def test_a_ratio_is_taken_round_by_round() -> None:
    ratio = an_answer([1.0, 8.0, 3.0], [0.5, 2.0, 1.0]).figures[-1]
    assert ratio.id == "creates: worker / floor: times CPU ms each"
    assert ratio.values == (2.0, 4.0, 3.0)


def test_a_ratio_whose_other_side_did_not_run_is_left_out() -> None:
    answer = Answer("creates", [Ratio("worker", "floor", "CPU ms each")])
    answer.add("worker", Measurement({"CPU ms each": 1.0}))
    assert [each.subject for each in answer.figures] == ["worker"]


def test_what_is_wrong_names_who_did_it() -> None:
    answer = Answer("creates")
    answer.add("worker", Measurement({}, ["2 creates have no reply"]))
    assert answer.wrong == ["creates: worker: 2 creates have no reply"]


def test_a_question_that_was_broken_off_is_wrong_and_keeps_what_it_has() -> None:
    answer = an_answer([1.0], [0.5])
    answer.add("floor", Measurement({"CPU ms each": 0.4}))
    answer.broken_off = "no reply for 60 s"
    assert answer.wrong == ["creates: broken off: no reply for 60 s"]
    assert answer.figures[-1].values == (2.0,)


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (Target("creates: worker: a second", at_least=800), "reached"),
        (Target("creates: worker: a second", at_least=801), "missed"),
        (Target("creates: worker: a second", at_most=800), "reached"),
        (Target("creates: worker: a second", at_most=799), "missed"),
        (Target("creates: nobody: a second", at_most=1), "not measured"),
    ],
)
def test_every_target_gets_its_verdict(target: Target, word: str) -> None:
    (verdict,) = judged([target], [figure(700, 900, 800)])
    assert verdict.word == word


def test_a_target_reads_as_one_would_say_it() -> None:
    assert Target("x", at_least=1000).aim == "at least 1,000"
    assert Target("x", at_most=2.0).aim == "at most 2"


def test_a_change_is_the_ratio_of_the_medians() -> None:
    earlier = {"figures": [figure(400, 500, 400).as_json()]}
    (change,) = changes(earlier, [figure(700, 900, 800)])
    assert (change.before, change.now, change.ratio) == (400, 800, 2.0)
    assert not change.is_within_spread


def test_a_change_within_the_spread_says_so() -> None:
    earlier = {"figures": [figure(650, 750).as_json()]}
    (change,) = changes(earlier, [figure(700, 900)])
    assert change.is_within_spread


def test_what_an_earlier_run_did_not_measure_is_left_out() -> None:
    earlier = {"figures": [figure(400).as_json()]}
    assert changes(earlier, [figure(1, subject="floor")]) == []
