"""What of a booking can be updated in which status, and by whom."""

from __future__ import annotations

from typing import Final

from domain.booking import Booking
from domain.commands import Changes
from domain.lifecycle import Status
from domain.principal import Guest, Principal
from domain.refusal import Code, FieldError, Refusal
from domain.stay import changed_fields

_MODIFIABLE: Final = frozenset({Status.PENDING, Status.CONFIRMED})
_DURING_THE_STAY: Final = frozenset(
    {"duration_minutes", "end_time", "item", "special_requests", "internal_notes"}
)
_WIRE_NAME: Final = {"item": "inventory_item_id"}


def refuse_not_modifiable(
    booking: Booking, changes: Changes, principal: Principal
) -> Refusal | None:
    """Pending and confirmed ones can; during the stay the venue changes its end and its item."""
    if booking.status in _MODIFIABLE:
        return None
    if booking.status is not Status.CHECKED_IN:
        return Refusal(
            Code.NOT_MODIFIABLE, f"A booking that is {booking.status} can no longer be changed."
        )
    if isinstance(principal, Guest):
        return Refusal(Code.NOT_MODIFIABLE, "After check-in only the venue changes a booking.")
    fixed = sorted(changed_fields(booking, changes) - _DURING_THE_STAY)
    if not fixed:
        return None
    errors = tuple(
        FieldError(f"data.{_WIRE_NAME.get(name, name)}", "cannot be changed after check-in")
        for name in fixed
    )
    return Refusal(Code.NOT_MODIFIABLE, "Some of it is fixed after check-in.", errors=errors)
