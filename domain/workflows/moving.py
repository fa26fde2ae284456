"""Every change of status: the booking after it, its events, its row of history."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from domain.booking import Booking
from domain.lifecycle import ACTIVE, Status
from domain.outcome import Accepted, Claims, EventType, Happened, StatusChange
from domain.undo import Undo

_OWN_EVENT: Final = {
    Status.CONFIRMED: EventType.CONFIRMED,
    Status.CHECKED_IN: EventType.CHECKED_IN,
    Status.COMPLETED: EventType.COMPLETED,
    Status.CANCELLED: EventType.CANCELLED,
    Status.EXPIRED: EventType.EXPIRED,
}
_STAMP: Final = {
    Status.CONFIRMED: "confirmed_at",
    Status.CHECKED_IN: "checked_in_at",
    Status.COMPLETED: "completed_at",
    Status.CANCELLED: "cancelled_at",
}


def moved(
    booking: Booking,
    to: Status,
    by: str,
    at: datetime,
    reason: str | None = None,
    owed: tuple[Undo, ...] = (),
    **fields: object,
) -> Accepted:
    """The booking in status `to`: its own event where one exists, then `status_changed`.

    Only a pending booking expires, and only an active one holds its slot.
    """
    stamp = {_STAMP[to]: at} if to in _STAMP else {}
    after = booking.changed(at, status=to, expires_at=None, **stamp, **fields)
    own = (Happened(_OWN_EVENT[to], by, booking.status, to),) if to in _OWN_EVENT else ()
    changed = Happened(EventType.STATUS_CHANGED, by, booking.status, to)
    return Accepted(
        booking=after,
        events=(*own, changed),
        history=StatusChange(booking.status, to, by, reason),
        claims=Claims.KEEP if to in ACTIVE else Claims.FREE,
        owed=owed,
    )
