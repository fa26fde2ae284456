"""Which rows of the permission table a message needs: its type's, and those of some fields."""

from __future__ import annotations

from typing import Final

from domain.booking import Source
from domain.commands import (
    UNSET,
    CancelBooking,
    ChangeStatus,
    CheckAvailability,
    Command,
    CreateBooking,
    EraseGuest,
    UpdateBooking,
)
from domain.lifecycle import Status
from domain.permissions import Operation
from domain.principal import Guest
from domain.queries import (
    GetBooking,
    GetBookingByReference,
    ListGuestBookings,
    ListVenueBookings,
    Query,
)


def powers_used(command: Command) -> tuple[Operation, ...]:
    """All that the principal must be allowed; the first is the command's own."""
    match command:
        case CreateBooking():
            return (Operation.CREATE, *_extras_of_create(command))
        case UpdateBooking():
            notes = command.changes.internal_notes is not UNSET
            return (Operation.UPDATE, Operation.WRITE_NOTES) if notes else (Operation.UPDATE,)
        case CancelBooking():
            named = command.refund_amount is not None
            return (Operation.CANCEL, Operation.NAME_REFUND) if named else (Operation.CANCEL,)
        case ChangeStatus():
            own = _BY_STATUS.get(command.to, Operation.GET)
            return (own, Operation.PAY_AT_VENUE) if command.payment else (own,)
        case EraseGuest():
            return (Operation.ERASE,)
        case _:
            return (Operation.SETTLE,)


def power_of(query: Query) -> Operation:
    """What the principal must be allowed."""
    match query:
        case GetBooking() | GetBookingByReference():
            return Operation.GET
        case ListGuestBookings():
            return Operation.LIST_GUEST
        case ListVenueBookings():
            return Operation.LIST_VENUE
        case CheckAvailability():
            return Operation.CHECK_AVAILABILITY
        case _:
            return Operation.HISTORY


def _extras_of_create(command: CreateBooking) -> tuple[Operation, ...]:
    extras = []
    principal = command.asked.principal
    if not (isinstance(principal, Guest) and principal.id == command.contact.guest_id):
        extras.append(Operation.BOOK_FOR_OTHERS)
    if command.internal_notes is not None:
        extras.append(Operation.WRITE_NOTES)
    if command.source in (Source.PHONE, Source.WALK_IN):
        extras.append(Operation.BUSINESS_SOURCE)
    return tuple(extras)


# No action leads to `pending` or, for a client, to `expired`: who sees the booking is told so.
_BY_STATUS: Final = {
    Status.CONFIRMED: Operation.CONFIRM,
    Status.CHECKED_IN: Operation.CHECK_IN,
    Status.COMPLETED: Operation.COMPLETE,
    Status.NO_SHOW: Operation.MARK_NO_SHOW,
    Status.CANCELLED: Operation.CANCEL,
}
