"""How long things are kept, in which order they go, and by which clock."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from domain.retention import Keeping, Period, ended_before
from handlers.figures import RetentionFigures
from handlers.ports import DatabaseAway
from handlers.ports.retention import Day, Gone
from handlers.retention import AHEAD, Retiring
from schemas.measures import PARTITIONS_AHEAD, RETIRED
from tests.handlers.onlookers import Onlookers, words
from tests.handlers.world import NOW

Lines = list[MutableMapping[str, Any]]
A_PLACE = Day(date(2026, 1, 1), UUID("00000000-0000-4000-8000-0000000000d1"))


def test_outcomes_are_kept_as_long_as_a_key_may_ask_for_them() -> None:
    day = timedelta(days=1)
    assert Keeping(day).at_least(timedelta(hours=48)).commands == 3 * day
    assert Keeping(90 * day).at_least(timedelta(hours=48)).commands == 90 * day
    assert Keeping().at_least(timedelta(hours=48)).commands is None


def test_an_erasure_is_known_for_as_long_as_records_of_before_may_come() -> None:
    day = timedelta(days=1)
    assert Keeping(2 * day).erasures == 61 * day
    assert Keeping(90 * day).erasures == 90 * day
    assert Keeping().erasures is None


class _Rows:
    """Implements RetentionRows: so many rows are left of each table."""

    def __init__(self, **left: int) -> None:
        self.left = left
        self.asked: list[tuple[str, datetime]] = []
        self.until = NOW + AHEAD
        self.now = NOW
        self.after: list[Day] = []
        self.away = False

    def _take(self, table: str, before: datetime, limit: int) -> Gone:
        if self.away:
            raise DatabaseAway("told to be")
        self.asked.append((table, before))
        rows = min(limit, self.left.get(table, 0))
        self.left[table] = self.left.get(table, 0) - rows
        return Gone(rows, is_all=rows < limit)

    async def clock(self) -> datetime:
        return self.now

    async def make_ahead(self, period: Period, ahead: timedelta) -> dict[str, datetime]:
        self.asked.append((f"a {period}", NOW + ahead))
        return {"outcomes": self.until}

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        return self._take("commands", ended_before, limit)

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        return self._take("undo", done_before, limit)

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        return self._take("guest_keys", erased_before, limit)

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        self.after.append(after)
        return self._take("bookings", ended_before, limit), A_PLACE


async def looks(retiring: Retiring, *seconds: int) -> list[dict[str, Any]]:
    found = [await retiring.retire(NOW + timedelta(seconds=each)) for each in seconds]
    return [dict(each.rows) for each in found]


async def test_chunks_follow_each_other_until_all_is_gone() -> None:
    rows = _Rows(commands=2_500, undo=3)
    retiring = Retiring(rows, Keeping(timedelta(days=90)))
    assert await looks(retiring, 0, 1, 2, 3) == [
        {"commands": 1_000, "undo": 3},
        {"commands": 1_000},
        {"commands": 500},
        {},
    ]
    before = NOW - timedelta(days=90)
    assert {at for table, at in rows.asked if table == "undo"} == {before}
    rows.left["commands"] = 1
    assert await looks(retiring, 599, 603) == [{}, {"commands": 1}]


async def test_what_is_kept_for_ever_is_not_even_looked_at() -> None:
    rows = _Rows(commands=1, bookings=1)
    await looks(Retiring(rows, Keeping()), 0, 700)
    assert {table for table, _ in rows.asked} == {"a month"}
    assert ended_before(NOW, None) is None


async def test_what_went_and_what_is_ahead_is_counted_by_table() -> None:
    onlookers = Onlookers()
    figures = RetentionFigures.by(onlookers.meter)
    retiring = Retiring(_Rows(commands=1_200, undo=3), Keeping(timedelta(days=90)), figures)
    await looks(retiring, 0, 1)
    assert onlookers.values(RETIRED) == {words(table="commands"): 1_200, words(table="undo"): 3}
    assert onlookers.values(PARTITIONS_AHEAD) == {words(table="outcomes"): AHEAD.total_seconds()}


async def test_bookings_are_passed_through_in_their_order_and_then_anew() -> None:
    rows = _Rows(bookings=1_500)
    keeping = Keeping(bookings=timedelta(days=365), period=Period.DAY)
    assert await looks(Retiring(rows, keeping), 0, 1, 2, 602) == [
        {"bookings": 1_000},
        {"bookings": 500},
        {},
        {},
    ]
    assert rows.after == [Day(), A_PLACE, Day()]


async def test_what_could_not_be_made_ahead_is_made_a_minute_later() -> None:
    rows = _Rows()
    rows.until = NOW
    retiring = Retiring(rows, Keeping())
    assert (await retiring.retire(NOW)).ahead == {"outcomes": timedelta(0)}
    assert (await retiring.retire(NOW + timedelta(seconds=59))).ahead == {}
    rows.until = NOW + 2 * AHEAD
    assert (await retiring.retire(NOW + timedelta(seconds=60))).ahead
    assert (await retiring.retire(NOW + timedelta(minutes=10))).ahead == {}
    assert (await retiring.retire(NOW + timedelta(minutes=11))).ahead


async def test_what_fails_is_not_tried_again_at_once() -> None:
    """Or a sweeper in the same loop would do nothing else."""
    rows = _Rows(commands=1)
    rows.away = True
    retiring = Retiring(rows, Keeping(timedelta(days=1)))
    with pytest.raises(DatabaseAway):
        await retiring.retire(NOW)
    rows.away = False
    assert await looks(retiring, 59, 60) == [{}, {"commands": 1}]


# --- clocks ---


@pytest.fixture
def said() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


async def test_a_clock_that_is_months_ahead_takes_nothing_too_early(said: Lines) -> None:
    """All goes by the database's; whoever has to mend the clock reads so once, not every second."""
    rows = _Rows(commands=1_500, undo=1, bookings=1)
    keeping = Keeping(timedelta(days=90), timedelta(days=90))
    await looks(Retiring(rows, keeping), *(120 * 86_400 + each for each in range(5)))
    before = NOW - timedelta(days=90)
    taken = [(table, at) for table, at in rows.asked if table != "a month"]
    assert {at for _, at in taken} == {before}
    assert {table for table, _ in taken} == {"commands", "undo", "guest_keys", "bookings"}
    (line,) = said
    assert line["event"] == "this clock and the database's differ"
    assert line["ahead_seconds"] == 120 * 86_400


async def test_a_clock_that_is_behind_takes_less(said: Lines) -> None:
    rows = _Rows(commands=1)
    rows.now = NOW + timedelta(days=9)
    await looks(Retiring(rows, Keeping(timedelta(days=90))), 0)
    assert ("commands", NOW - timedelta(days=90)) in rows.asked
    assert [line["ahead_seconds"] for line in said] == [-9 * 86_400]


async def test_a_clock_that_is_set_back_does_not_stop_what_was_due_by_it(said: Lines) -> None:
    rows, day = _Rows(commands=2_500), timedelta(days=1)
    retiring = Retiring(rows, Keeping(90 * day))
    await retiring.retire(NOW + 120 * day)
    rows.asked.clear()
    await retiring.retire(NOW)
    assert {table for table, _ in rows.asked} >= {"a month", "commands", "undo"}
    assert [line["event"] for line in said] == [
        "this clock and the database's differ",
        "clocks agree again",
    ]


async def test_what_is_ahead_is_counted_from_the_databases_time() -> None:
    """Or a clock that is ahead would raise an alarm that nobody makes partitions."""
    ahead = (await Retiring(_Rows(), Keeping()).retire(NOW + timedelta(days=120))).ahead
    assert ahead == {"outcomes": AHEAD}
