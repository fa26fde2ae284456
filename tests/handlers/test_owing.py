"""What is owed is looked at now and then, and told as it was seen last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from handlers.owing import UndoBacklog
from handlers.ports import Owing
from tests.handlers.world import NOW


class Due:
    """Only counts how often it is asked."""

    def __init__(self, owing: Owing) -> None:
        self.owing_now = owing
        self.asked = 0

    async def owing(self, most: int) -> Owing:
        self.asked += 1
        return self.owing_now


def backlog(count: int, oldest: datetime | None) -> tuple[UndoBacklog, Due]:
    due: Any = Due(Owing(count, oldest))
    return UndoBacklog(due), due


async def test_before_the_first_look_nothing_is_said() -> None:
    seen, _ = backlog(1, NOW)
    assert (list(seen.count()), list(seen.age())) == ([], [])


async def test_it_says_how_much_and_for_how_long() -> None:
    seen, _ = backlog(3, NOW - timedelta(seconds=90))
    await seen.look(NOW)
    assert (list(seen.count()), list(seen.age())) == ([(3, {})], [(90.0, {})])


async def test_where_nothing_is_owed_it_says_so() -> None:
    seen, _ = backlog(0, None)
    await seen.look(NOW)
    assert (list(seen.count()), list(seen.age())) == ([(0, {})], [(0.0, {})])


async def test_the_database_is_asked_every_ten_seconds_and_not_with_every_round() -> None:
    seen, due = backlog(0, None)
    for second in range(21):
        await seen.look(NOW + timedelta(seconds=second))
    assert due.asked == 3
