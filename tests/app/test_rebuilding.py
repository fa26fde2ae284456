"""The end of a rebuild: claims and counts side by side, and one error when either fails."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from app.rebuild_part import Advance, Step, Tally
from app.rebuild_processes import PartDied, Processes
from app.rebuilding import claimed_and_counted
from handlers.ports import DatabaseAway, RebuildRows, Whole


class Claiming(Processes):
    """What other processes do, and how that ends; never, without an end."""

    def __init__(self, end: Exception | None = None) -> None:
        super().__init__([])
        self._end = end

    async def do(self, step: Step, advance: Advance) -> Tally:
        if self._end is not None:
            raise self._end
        await asyncio.Event().wait()
        return Tally()


class Counting:
    """A database that is asked what there is; it never answers, or fails."""

    def __init__(self, end: Exception | None = None) -> None:
        self._end = end
        self.was_ended = False

    async def whole(self) -> Whole:
        if self._end is not None:
            raise self._end
        try:
            await asyncio.Event().wait()
        finally:
            self.was_ended = True
        raise AssertionError("expected to be ended")


def far(done: int, of: int) -> None:
    """Nobody looks."""


async def ended(claiming: Claiming, counting: Counting) -> None:
    await claimed_and_counted(claiming, cast("RebuildRows", counting), far)


async def test_when_counting_fails_the_claims_are_waited_for_no_longer() -> None:
    with pytest.raises(DatabaseAway, match="while it counted"):
        await ended(Claiming(), Counting(DatabaseAway("while it counted")))
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_when_claiming_fails_nothing_is_counted_on_a_connection_that_is_closed() -> None:
    counting = Counting()
    with pytest.raises(PartDied):
        await ended(Claiming(PartDied("ended")), counting)
    assert counting.was_ended
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_when_both_fail_one_error_is_told() -> None:
    with pytest.raises((DatabaseAway, PartDied)) as told:
        await ended(Claiming(PartDied("ended")), Counting(DatabaseAway("away")))
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
