"""Who may do what, as one table: role by operation, and whose bookings it reaches.

docs/rules.md shows it. Who may act *when* is a rule about time (domain/policies), not a permission.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.booking import Booking
from domain.principal import Admin, Business, Guest, Principal, System


class Operation(StrEnum):
    CREATE = "create_booking"
    UPDATE = "update_booking"
    CANCEL = "cancel_booking"
    CONFIRM = "confirm"
    CHECK_IN = "check_in"
    COMPLETE = "complete"
    MARK_NO_SHOW = "mark_no_show"
    PAY_AT_VENUE = "pay_at_venue"
    NAME_REFUND = "name_refund"
    WRITE_NOTES = "write_notes"
    SEE_NOTES = "see_notes"
    BOOK_FOR_OTHERS = "book_for_others"
    BUSINESS_SOURCE = "book_by_phone_or_for_a_walk_in"
    GET = "get_booking"
    HISTORY = "get_booking_history"
    LIST_GUEST = "list_guest_bookings"
    LIST_VENUE = "list_venue_bookings"
    CHECK_AVAILABILITY = "check_availability"
    ERASE = "erase_guest"
    SETTLE = "settle"  # expiry, undo, ending a command: the service's own


class Reach(StrEnum):
    """How far a grant goes.

    NEVER is `forbidden`. Beyond reach a booking is "not found"; a guest or venue that the request
    itself names is `forbidden`, since nothing is looked up to say so.
    """

    NEVER = "never"
    OWN = "own"  # the guest's own bookings
    VENUES = "venues"  # bookings at the venues named in the token
    ALL = "all"


_GUEST: Final[dict[Operation, Reach]] = {
    Operation.CREATE: Reach.OWN,
    Operation.UPDATE: Reach.OWN,
    Operation.CANCEL: Reach.OWN,
    Operation.CONFIRM: Reach.OWN,
    Operation.GET: Reach.OWN,
    Operation.HISTORY: Reach.OWN,
    Operation.LIST_GUEST: Reach.OWN,
    Operation.CHECK_AVAILABILITY: Reach.ALL,
    Operation.ERASE: Reach.OWN,
}
_BUSINESS: Final[dict[Operation, Reach]] = {
    **{
        operation: Reach.VENUES
        for operation in Operation
        if operation not in (Operation.SETTLE, Operation.ERASE)  # a guest belongs to no venue
    },
    Operation.CHECK_AVAILABILITY: Reach.ALL,
}
_ADMIN: Final[dict[Operation, Reach]] = {
    operation: Reach.ALL for operation in Operation if operation is not Operation.SETTLE
}
_SYSTEM: Final[dict[Operation, Reach]] = {Operation.SETTLE: Reach.ALL}

MATRIX: Final[dict[type[Principal], dict[Operation, Reach]]] = {
    Guest: _GUEST,
    Business: _BUSINESS,
    Admin: _ADMIN,
    System: _SYSTEM,
}
"""Role by operation; what is absent is never allowed."""


def reach(principal: Principal, operation: Operation) -> Reach:
    """How far `principal` may go with `operation`."""
    return MATRIX[type(principal)].get(operation, Reach.NEVER)


def reaches(
    principal: Principal, operation: Operation, *, guest_id: UUID | None, venue_id: UUID | None
) -> bool:
    """Whether bookings of this guest at this venue are within reach; None: any, so some may be."""
    match reach(principal, operation):
        case Reach.ALL:
            return True
        case Reach.OWN:
            return isinstance(principal, Guest) and guest_id in (None, principal.id)
        case Reach.VENUES:
            return isinstance(principal, Business) and venue_id in (None, *principal.venue_ids)
        case Reach.NEVER:
            return False


def can_reach(principal: Principal, operation: Operation, booking: Booking) -> bool:
    """Whether this booking is within reach; out of reach it looks like a missing one."""
    return reaches(
        principal, operation, guest_id=booking.contact.guest_id, venue_id=booking.venue.id
    )


def venues_shown(principal: Principal, operation: Operation) -> frozenset[UUID] | None:
    """The venues whose bookings are shown; None: those of all."""
    if reach(principal, operation) is Reach.VENUES and isinstance(principal, Business):
        return principal.venue_ids
    return None


def sees_notes(principal: Principal) -> bool:
    """Internal notes are for business and admin."""
    return reach(principal, Operation.SEE_NOTES) is not Reach.NEVER
