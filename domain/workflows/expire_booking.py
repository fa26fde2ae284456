"""Expire a booking that nobody confirmed in time; a payment that came in after all goes back whole.

It looks at status and version, not at a clock: the sweeper chose it, and the lane put it in order.
"""

from __future__ import annotations

from domain.commands import ExpireBooking, Moment
from domain.effects import FindBooking
from domain.lifecycle import Action, next_status
from domain.outcome import Ignored
from domain.workflow import Workflow, ask
from domain.workflows.cancel_booking import refundable
from domain.workflows.give_back import give_back
from domain.workflows.moving import moved
from domain.workflows.payment import seen_payment


def expire_booking(command: ExpireBooking, at: Moment) -> Workflow:
    """Accepted with an expired booking; Ignored when it has moved on meanwhile."""
    booking = yield from ask(FindBooking(command.booking_id))
    if booking is None or booking.version != command.expected_version:
        return Ignored("the booking is not at this version")
    to = next_status(booking.status, Action.EXPIRE)
    if to is None:
        return Ignored(f"the booking is {booking.status}")
    seen = yield from seen_payment(command.asked, booking)
    most = refundable(booking, seen)
    given_back = yield from give_back(command.asked, booking, seen, most, "booking expired")
    return moved(
        booking,
        to,
        by=command.asked.label,
        at=at.decided,
        reason="not confirmed in time",
        owed=given_back.owed,
        payment=given_back.payment,
    )
