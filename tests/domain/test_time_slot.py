"""Slots: half-open, absolute, and never backwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.time_slot import MAX_MINUTES, TimeSlot, local_date, local_night
from tests.builders import TOMORROW, a_slot

BERLIN = ZoneInfo("Europe/Berlin")
SLOTS = st.builds(
    lambda start, minutes: a_slot(TOMORROW + timedelta(minutes=start), minutes),
    st.integers(-50, 50),
    st.integers(1, 60),
)


def test_touching_slots_are_free() -> None:
    first = a_slot(minutes=60)
    assert not first.overlaps(a_slot(first.ends_at))


@given(SLOTS, SLOTS)
def test_two_slots_overlap_exactly_when_they_share_a_minute(one: TimeSlot, other: TimeSlot) -> None:
    def minutes(slot: TimeSlot) -> set[datetime]:
        return {slot.starts_at + timedelta(minutes=n) for n in range(slot.minutes)}

    assert one.overlaps(other) is bool(minutes(one) & minutes(other))
    assert one.overlaps(other) is other.overlaps(one)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (TOMORROW, TOMORROW),
        (TOMORROW, TOMORROW - timedelta(minutes=1)),
        (TOMORROW, TOMORROW + timedelta(minutes=MAX_MINUTES + 1)),
        (TOMORROW, TOMORROW + timedelta(seconds=90)),
        (TOMORROW.replace(tzinfo=None), TOMORROW),
    ],
)
def test_what_is_no_slot_cannot_be_built(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="expected"):
        TimeSlot(start, end)


def test_the_same_instant_under_another_offset_is_the_same_slot() -> None:
    elsewhere = TOMORROW.astimezone(timezone(timedelta(hours=9)))
    assert a_slot(elsewhere) == a_slot(TOMORROW)


@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 3, 28), 23), ((2026, 6, 1), 24), ((2026, 10, 24), 25)],
)
def test_a_local_night_ends_at_the_same_wall_time(day: tuple[int, int, int], hours: int) -> None:
    night = local_night(datetime(*day, 15, tzinfo=BERLIN), BERLIN)
    assert night.minutes == hours * 60
    assert night.ends_at.astimezone(BERLIN).hour == 15


def test_without_a_zone_a_local_night_is_that_of_the_offset_sent() -> None:
    start = datetime(2026, 3, 28, 15, tzinfo=timezone(timedelta(hours=1)))
    assert local_night(start, None).minutes == 24 * 60


def test_the_local_day_is_the_venues_own() -> None:
    late = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    assert local_date(late, BERLIN).day == 2
    assert local_date(late, None).day == 1


def test_elapsed_minutes_are_not_stretched_by_daylight_saving() -> None:
    before_the_change = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)
    assert TimeSlot.lasting(before_the_change, 60).minutes == 60
