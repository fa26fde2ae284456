"""What an update asks inventory and pricing about: when, how many, where."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from domain.booking import Booking
from domain.changes import differ
from domain.commands import Changes, Unset
from domain.refusal import Code, FieldError, Refusal
from domain.time_slot import TimeSlot, local_date

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Stay:
    slot: TimeSlot
    booking_date: date
    party_size: int
    item: str | None


def stay_of(booking: Booking) -> Stay:
    """The stay as it is booked."""
    return Stay(booking.slot, booking.booking_date, booking.party_size, booking.hold.item)


def stay_after(booking: Booking, changes: Changes) -> Stay | Refusal:
    """The stay as it would be; a moved start keeps the length unless one is sent with it.

    Refused when start and end together are no slot; only now both are known.
    """
    starts_at = given(changes.booking_time, booking.slot.starts_at)
    try:
        slot = _slot(booking, changes, starts_at)
    except ValueError as wrong:
        is_end = not isinstance(changes.end_time, Unset)
        field = "data.end_time" if is_end else "data.booking_time"
        error = FieldError(field, str(wrong))
        return Refusal(Code.VALIDATION_FAILED, "The slot is not possible.", errors=(error,))
    return Stay(
        slot=slot,
        booking_date=_booking_date(booking, changes.booking_time),
        party_size=given(changes.party_size, booking.party_size),
        item=given(changes.item, booking.hold.item),
    )


def changed_fields(booking: Booking, changes: Changes) -> frozenset[str]:
    """The fields that were sent and differ from what is booked."""
    current = {
        "booking_time": booking.slot.starts_at,
        "duration_minutes": booking.slot.minutes,
        "end_time": booking.slot.ends_at,
        "party_size": booking.party_size,
        "item": booking.hold.item,
        "guest_name": booking.contact.name,
        "guest_email": booking.contact.email,
        "guest_phone": booking.contact.phone,
        "special_requests": booking.special_requests,
        "internal_notes": booking.internal_notes,
        "metadata": booking.metadata,
    }
    sent = {field.name: getattr(changes, field.name) for field in fields(changes)}
    return frozenset(
        name
        for name, value in sent.items()
        if not isinstance(value, Unset) and differ(value, current[name])
    )


def given(sent: V | Unset, current: V) -> V:
    """What was sent, else what stands."""
    return current if isinstance(sent, Unset) else sent


def _slot(booking: Booking, changes: Changes, starts_at: datetime) -> TimeSlot:
    if not isinstance(changes.end_time, Unset):
        return TimeSlot(starts_at, changes.end_time)
    return TimeSlot.lasting(starts_at, given(changes.duration_minutes, booking.slot.minutes))


def _booking_date(booking: Booking, starts_at: datetime | Unset) -> date:
    """An unmoved start keeps its day: the offset that named it was sent with the create."""
    if isinstance(starts_at, Unset) or starts_at == booking.slot.starts_at:
        return booking.booking_date
    zone = booking.venue.time_zone
    return local_date(starts_at, ZoneInfo(zone) if zone else None)
