"""Cancel a booking: free the slot, give back what was held and paid; no outage ever stops it."""

from __future__ import annotations

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import CancelBooking, Moment
from domain.effects import FindBooking, PartnerUnavailable
from domain.lifecycle import Action, Status
from domain.money import Money
from domain.outcome import Rejected
from domain.permissions import Operation
from domain.policies.refund import named_amount, refund_percent
from domain.policies.standing import (
    refuse_guest_after_check_in,
    refuse_transition,
    refuse_version,
    within_reach,
)
from domain.policies.timing import refuse_guest_after_start
from domain.refusal import Refusal
from domain.rules import Rules
from domain.workflow import Workflow, ask
from domain.workflows.give_back import give_back
from domain.workflows.moving import moved
from domain.workflows.payment import seen_payment


def cancel_booking(command: CancelBooking, at: Moment, rules: Rules) -> Workflow:
    """Accepted with a cancelled booking; what could not be given back now is owed."""
    principal = command.asked.principal
    found = yield from ask(FindBooking(command.booking_id))
    booking = within_reach(found, principal, Operation.CANCEL)
    if isinstance(booking, Refusal):
        return Rejected(booking)
    if refusal := (
        refuse_version(booking, command.expected_version)
        or refuse_transition(booking, Action.CANCEL, Status.CANCELLED)
        or refuse_guest_after_check_in(booking, principal)
        or refuse_guest_after_start(booking, principal, at)
    ):
        return Rejected(refusal)
    seen = yield from seen_payment(command.asked, booking)
    amount = _refund(command, booking, seen, at, rules)
    if isinstance(amount, Refusal):
        return Rejected(amount)
    given_back = yield from give_back(command.asked, booking, seen, amount, "booking cancelled")
    return moved(
        booking,
        Status.CANCELLED,
        by=principal.label,
        at=at.decided,
        reason=command.reason,
        owed=given_back.owed,
        payment=given_back.payment,
        cancellation_reason=command.reason,
        cancelled_by=principal.label,
    )


def refundable(booking: Booking, seen: Payment | PartnerUnavailable) -> Money:
    """The most that the end of a booking can give back; what was overpaid is owed already.

    While nobody knows whether it was paid, it may have been the whole price; what surely was not
    paid here (yet, or at the venue) cannot come back.
    """
    if isinstance(seen, PartnerUnavailable) or seen.status is PaymentStatus.PROCESSING:
        return booking.price.total
    return seen.kept - booking.overpaid if seen.is_known else Money.zero(booking.price.currency)


def _refund(
    command: CancelBooking,
    booking: Booking,
    seen: Payment | PartnerUnavailable,
    at: Moment,
    rules: Rules,
) -> Money | Refusal:
    most = refundable(booking, seen)
    if command.refund_amount is not None:
        return named_amount(command.refund_amount, most)
    return most.share(refund_percent(booking, at.sent, rules))
