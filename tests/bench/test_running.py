"""How a question is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from rich.progress import Progress

from bench.asked import asked
from bench.figures import Measurement, Ratio
from bench.replies import NoReplies
from bench.running import answered
from bench.scene import Contestant, Question, Scene


def a_scene(*argv: str) -> Scene:
    nowhere = cast("Any", None)
    return Scene(nowhere, {}, Path(), asked(argv, {"races": ""}, ()), lambda _: None)


class Race:
    """A question whose contestants note their turns; the one named stops answering at a turn."""

    def __init__(self, broken_at: int | None = None) -> None:
        self.turns: list[str] = []
        self.is_over = False
        self._broken_at = broken_at

    def question(self, rounds: int | None = None) -> Question:
        ratios = [Ratio("hare", "tortoise", "a second")]
        return Question("races", "who is faster", self._opened, lambda _: ratios, rounds)

    @asynccontextmanager
    async def _opened(self, scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
        yield [Contestant("hare", self._run("hare")), Contestant("tortoise", self._run("tortoise"))]
        self.is_over = True

    def _run(self, who: str) -> Any:
        async def run() -> Measurement:
            if len(self.turns) == self._broken_at:
                raise NoReplies("no reply for a minute")
            self.turns.append(who)
            return Measurement({"a second": float(len(self.turns))})

        return run


async def test_contestants_take_turns() -> None:
    race = Race()
    answer = await answered(race.question(), a_scene("--rounds", "2"), Progress(disable=True))
    assert race.turns == ["hare", "tortoise", "hare", "tortoise"]
    assert [each.values for each in answer.figures] == [(1.0, 3.0), (2.0, 4.0), (0.5, 0.75)]
    assert race.is_over
    assert answer.wrong == []


async def test_a_question_may_have_rounds_of_its_own() -> None:
    race = Race()
    await answered(race.question(rounds=1), a_scene("--rounds", "5"), Progress(disable=True))
    assert race.turns == ["hare", "tortoise"]


async def test_who_stops_answering_breaks_off_one_question_alone() -> None:
    race = Race(broken_at=3)
    answer = await answered(race.question(), a_scene("--rounds", "2"), Progress(disable=True))
    assert answer.wrong == ["races: broken off: no reply for a minute"]
    assert [each.values for each in answer.figures] == [(1.0, 3.0), (2.0,), (0.5,)]
