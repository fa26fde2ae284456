"""Bookings come back as they were written, one version after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain.booking import Booking, Payment, PaymentStatus, Source, Venue, VenueType
from domain.lifecycle import Status
from domain.money import Money, Price
from domain.outcome import Claims, StatusChange
from domain.time_slot import TimeSlot
from handlers.ports import (
    BookingWrite,
    DueExpiry,
    HistoryRow,
    PromiseBroken,
    SweepAgain,
)
from tests.adapters.database.lane import Lane, a_recording, another_booking, record
from tests.builders import NOW, TOMORROW, a_booking, a_price

YEN = Money(Decimal(1500), "JPY")
DINARS = Money(Decimal("0.001"), "KWD")
FULL = another_booking(
    status=Status.CANCELLED,
    version=1,
    venue=Venue(uuid4(), VenueType.HOTEL, 'Zum „Löwen“ 🦁 \\ "', "Pacific/Chatham"),
    slot=TimeSlot(
        datetime(2026, 10, 25, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=12, minutes=45))),
        datetime(2026, 10, 25, 23, 30, 15, 123456, tzinfo=UTC),
    ),
    booking_date=date(2026, 10, 25),
    special_requests="line\nbreak\ttab",
    internal_notes="",
    metadata={"nested": {"a": [1, 2.5, None, True]}, "big": 2**70, "ü": "ß"},
    idempotency_key="key with ' and %s :rows",
    checked_in_at=NOW,
    completed_at=NOW + timedelta(microseconds=1),
    cancelled_at=NOW,
    cancellation_reason="flu",
    cancelled_by="guest:1",
    source=Source.WALK_IN,
)


@pytest.mark.parametrize(
    "booking",
    [
        FULL,
        another_booking(
            status=Status.CONFIRMED,
            version=1,
            expires_at=None,
            confirmed_at=NOW,
            price=a_price(1500, "JPY", is_fallback=True),
            payment=Payment(None, PaymentStatus.AT_VENUE, YEN, Money.zero("JPY")),
        ),
        another_booking(
            price=Price(DINARS, DINARS, DINARS, DINARS, False, None),
            payment=Payment("pi_2", PaymentStatus.PARTIALLY_REFUNDED, DINARS, DINARS),
        ),
    ],
    ids=["every field", "yen", "a thousandth of a dinar"],
)
async def test_a_booking_comes_back_as_it_was(lane: Lane, booking: Booking) -> None:
    await lane.recorded(booking)
    async with lane.transaction() as transaction:
        found = await transaction.find_bookings([booking.id, uuid4()])
    assert found == {booking.id: booking}
    assert found[booking.id].price.total.text() == booking.price.total.text()
    assert found[booking.id].slot.starts_at.utcoffset() == timedelta(0)
    assert await lane.database.reads.bookings([booking.id, uuid4()]) == found
    by_reference = await lane.database.reads.bookings_by_reference([booking.reference, "BR-NONE"])
    assert by_reference == {booking.reference: booking}


async def test_every_field_of_a_booking_may_change(lane: Lane) -> None:
    before = another_booking(id=FULL.id, reference=FULL.reference)
    await lane.recorded(before)
    after = replace(FULL, version=2)
    await lane.recorded(after)
    assert await lane.database.reads.bookings([FULL.id]) == {FULL.id: after}


async def test_ids_are_of_the_standard_class(lane: Lane) -> None:
    """A driver's own subclass could not be written as JSON."""
    booking = another_booking()
    await lane.recorded(booking)
    (found,) = (await lane.database.reads.bookings([booking.id])).values()
    assert type(found.id) is type(found.venue.id) is type(uuid4())


@pytest.mark.parametrize("version", [1, 2, 4])
async def test_a_version_follows_the_one_before_or_nothing_stands(lane: Lane, version: int) -> None:
    booking = another_booking()
    await lane.recorded(booking)
    await lane.recorded(replace(booking, version=2))
    start = await lane.started()
    write = BookingWrite(replace(booking, version=version), None, Claims.KEEP, None)
    with pytest.raises(PromiseBroken, match=str(booking.id)):
        async with lane.transaction() as transaction:
            await record(transaction, [a_recording(start, write=write)])
    assert (await lane.database.reads.bookings([booking.id]))[booking.id].version == 2
    async with lane.transaction() as transaction:
        assert (await transaction.find_commands([start.row_id]))[start.row_id].outcome is None


async def test_a_later_version_of_a_booking_that_is_not_there_is_a_broken_promise(
    lane: Lane,
) -> None:
    with pytest.raises(PromiseBroken):
        await lane.recorded(another_booking(version=2))


async def test_a_wave_writes_new_and_changed_bookings_together(lane: Lane) -> None:
    old, new = another_booking(), another_booking()
    await lane.recorded(old)
    changed = replace(old, version=2, party_size=7)
    recordings = [
        a_recording(await lane.started(), write=BookingWrite(each, None, Claims.KEEP, None))
        for each in (changed, new)
    ]
    async with lane.transaction() as transaction:
        await record(transaction, recordings)
    found = await lane.database.reads.bookings([old.id, new.id])
    assert found == {old.id: changed, new.id: new}


async def test_history_is_told_from_the_beginning(lane: Lane) -> None:
    booking = another_booking()
    later = replace(
        booking, version=3, status=Status.CONFIRMED, updated_at=NOW + timedelta(hours=1)
    )
    created = StatusChange(None, Status.PENDING, "guest:1", None)
    confirmed = StatusChange(Status.PENDING, Status.CONFIRMED, "system", "paid")
    await lane.recorded(booking, created)
    await lane.recorded(replace(booking, version=2))
    await lane.recorded(later, confirmed)
    found = await lane.database.reads.histories([booking.id, uuid4()])
    assert found == {
        booking.id: [
            HistoryRow(created, 1, booking.updated_at),
            HistoryRow(confirmed, 3, later.updated_at),
        ]
    }


# --- expiry ---


async def due(lane: Lane, before: datetime) -> Any:
    return await lane.database.due.due_expiries(before, 10)


async def test_a_pending_booking_is_due_after_it_expired(lane: Lane) -> None:
    booking = another_booking(expires_at=NOW)
    await lane.recorded(booking)
    assert await due(lane, NOW) == []
    expected = [DueExpiry(booking.id, booking.venue.id, 1, 0)]
    assert await due(lane, NOW + timedelta(microseconds=1)) == expected


async def test_only_pending_bookings_expire(lane: Lane) -> None:
    booking = another_booking(expires_at=NOW)
    await lane.recorded(booking)
    await lane.recorded(replace(booking, version=2, status=Status.CONFIRMED))
    await lane.recorded(a_booking(id=uuid4(), reference="BR-N", expires_at=None))
    assert await due(lane, TOMORROW) == []


async def test_the_longest_overdue_come_first(lane: Lane) -> None:
    late = [another_booking(expires_at=NOW - timedelta(minutes=each)) for each in (1, 3, 2)]
    for booking in late:
        await lane.recorded(booking)
    found = await lane.database.due.due_expiries(NOW, 2)
    assert [each.booking_id for each in found] == [late[1].id, late[2].id]


async def test_a_failed_expiry_comes_back_later_under_its_next_number(lane: Lane) -> None:
    booking = another_booking(expires_at=NOW)
    await lane.recorded(booking)
    again = SweepAgain(booking.id, 1, TOMORROW)
    await lane.recorded(booking, write=None, sweep_again=again)
    assert await due(lane, TOMORROW) == []
    found = await due(lane, TOMORROW + timedelta(seconds=1))
    assert found == [DueExpiry(booking.id, booking.venue.id, 1, 1)]


async def test_a_changed_booking_keeps_its_number(lane: Lane) -> None:
    """Else the sweeper's next command would have the id of one that was done with already."""
    booking = another_booking(expires_at=NOW)
    await lane.recorded(booking)
    await lane.recorded(booking, write=None, sweep_again=SweepAgain(booking.id, 1, NOW))
    await lane.recorded(replace(booking, version=2))
    assert [(each.version, each.attempt) for each in await due(lane, TOMORROW)] == [(2, 1)]


async def test_a_booking_that_cannot_expire_is_not_swept_again(lane: Lane) -> None:
    booking = another_booking(status=Status.CONFIRMED, version=1, expires_at=None)
    await lane.recorded(booking)
    await lane.recorded(booking, write=None, sweep_again=SweepAgain(booking.id, 1, NOW))
    assert await due(lane, TOMORROW) == []
