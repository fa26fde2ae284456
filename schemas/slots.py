"""From when, how long or until when, and where the clocks stand: a slot as a message says it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from domain.booking import VenueType
from domain.refusal import FieldError
from domain.time_slot import TimeSlot, local_date, local_night

DEFAULT_MINUTES: Final = {VenueType.RESTAURANT: 120, VenueType.CAFE: 60, VenueType.RETAIL: 1440}
"""How long a booking lasts when nobody says; a hotel's lasts one local night instead."""


class Timed(Protocol):
    """The fields of a message that make a slot."""

    venue_type: VenueType
    venue_time_zone: str | None
    booking_time: datetime
    duration_minutes: int | None
    end_time: datetime | None


def slot_of(message: Timed) -> tuple[TimeSlot, date] | FieldError:
    """The slot and the local day on which it starts."""
    if message.duration_minutes is not None and message.end_time is not None:
        return both_given()
    zone = ZoneInfo(message.venue_time_zone) if message.venue_time_zone else None
    start = message.booking_time
    try:
        if message.end_time is not None:
            slot = TimeSlot(start, message.end_time)
        elif minutes := message.duration_minutes or DEFAULT_MINUTES.get(message.venue_type):
            slot = TimeSlot.lasting(start, minutes)
        else:
            slot = local_night(start, zone)
    except ValueError as error:
        field = "booking_time" if message.end_time is None else "end_time"
        return FieldError(f"data.{field}", str(error))
    return slot, local_date(start, zone)


def both_given() -> FieldError:
    """Two ends of one slot."""
    return FieldError("data.end_time", "and duration_minutes must not both be given")
