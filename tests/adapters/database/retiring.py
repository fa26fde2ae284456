"""What has ended long ago, and what goes of it, for the tests of retention and of partitions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.lifecycle import Status
from domain.outcome import StatusChange
from domain.time_slot import TimeSlot
from domain.undo import RestoreReservation
from handlers.ports import Start
from handlers.ports.retention import Day
from tests.adapters.database.lane import Lane, a_recording, another_booking
from tests.builders import NOW

LONG_AGO = NOW - timedelta(days=100)
BEFORE = NOW - timedelta(days=90)

OWED = RestoreReservation("", "")


async def ended(lane: Lane, recorded_at: datetime = LONG_AGO, **fields: Any) -> Start:
    start = await lane.started(**fields)
    await lane.record([replace(a_recording(start), recorded_at=recorded_at)])
    return start


async def retired_all(lane: Lane, before: datetime = BEFORE, limit: int = 100) -> int:
    """Chunk by chunk, until nothing is left to do."""
    rows = 0
    for _ in range(50):
        gone = await lane.database.retention.retire_commands(before, limit)
        rows += gone.rows
        if gone.is_all:
            return rows
    raise AssertionError("it never ends")


async def booked(lane: Lane, status: Status = Status.CANCELLED, at: datetime = LONG_AGO) -> UUID:
    """A booking that ended then, with its history."""
    slot = TimeSlot(at - timedelta(hours=2), at)
    booking = another_booking(
        status=status,
        slot=slot,
        version=1,
        booking_date=slot.starts_at.date(),
        updated_at=at,
    )
    await lane.recorded(booking, StatusChange(None, status, "guest", None))
    async with lane.transaction() as transaction:
        await transaction.take_references({booking.id: booking.reference})
    return booking.id


async def retired_bookings(lane: Lane, limit: int = 100) -> int:
    rows, after = 0, Day()
    while True:
        gone, after = await lane.database.retention.retire_bookings(BEFORE, after, limit)
        rows += gone.rows
        if gone.is_all:
            return rows
