"""Whether a command may touch a booking at all: found, at the expected version, able to change."""

from __future__ import annotations

from domain.booking import Booking
from domain.lifecycle import Action, Status, next_status, reachable_from
from domain.permissions import Operation, can_reach
from domain.principal import Guest, Principal
from domain.refusal import Code, Refusal


def within_reach(
    booking: Booking | None, principal: Principal, operation: Operation
) -> Booking | Refusal:
    """The booking, or "not found": somebody else's looks the same as none."""
    if booking is not None and can_reach(principal, operation, booking):
        return booking
    return not_found()


def not_found() -> Refusal:
    """The same words for none and for somebody else's."""
    return Refusal(Code.BOOKING_NOT_FOUND, "There is no booking with this id that you may see.")


def refuse_version(booking: Booking, expected: int | None) -> Refusal | None:
    """The client decided on a version that is no longer the current one."""
    if expected is None or expected == booking.version:
        return None
    return Refusal(
        Code.VERSION_CONFLICT,
        f"The booking is at version {booking.version}, not {expected}: read it again and decide.",
        extras={"current_version": booking.version},
    )


def refuse_transition(booking: Booking, action: Action, to: Status) -> Refusal | None:
    """The lifecycle's table has no such step from here."""
    if next_status(booking.status, action) is to:
        return None
    return invalid_transition(booking, to)


def invalid_transition(booking: Booking, to: Status) -> Refusal:
    """No, and the statuses that can be reached instead."""
    allowed = [status.value for status in reachable_from(booking.status)]
    return Refusal(
        Code.INVALID_TRANSITION,
        f"A booking that is {booking.status} cannot become {to}.",
        extras={"from": booking.status.value, "to": to.value, "allowed": allowed},
    )


def refuse_guest_after_check_in(booking: Booking, principal: Principal) -> Refusal | None:
    """A guest who is in the house cancels at the desk, not alone."""
    if booking.status is Status.CHECKED_IN and isinstance(principal, Guest):
        return Refusal(
            Code.FORBIDDEN, "After check-in only the venue can cancel; please ask at the desk."
        )
    return None
