"""Confirm a pending booking: it is paid, or the venue takes the money itself.

The intent is asked before it is confirmed, and again when the confirmation's answer was lost: a
charge that went through unheard is used, never made a second time.
"""

from __future__ import annotations

from dataclasses import replace

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import ChangeStatus, Moment
from domain.effects import ConfirmIntent, Declined, FindIntent, Intent, PartnerUnavailable
from domain.lifecycle import Status
from domain.outcome import Rejected
from domain.policies.partners import payment_away, payment_declined, payment_required
from domain.policies.timing import refuse_guest_after_start, refuse_lapsed
from domain.undo import RefundOwed, Undo, give_back_key
from domain.workflow import Step, Workflow, ask
from domain.workflows.moving import moved
from domain.workflows.payment import after_intent, seen_payment


def confirm(command: ChangeStatus, booking: Booking, at: Moment) -> Workflow:
    """Accepted as confirmed; else the booking stays pending, and so does its payment."""
    principal = command.asked.principal
    if refusal := (refuse_lapsed(booking, at) or refuse_guest_after_start(booking, principal, at)):
        return Rejected(refusal)
    seen = yield from seen_payment(command.asked, booking)
    owed: tuple[Undo, ...] = ()
    if isinstance(seen, Payment) and seen.covers(booking.price.total):
        paid = seen
    elif command.payment == "at_venue":
        paid = replace(booking.payment, status=PaymentStatus.AT_VENUE)
        owed = _charge_unseen(command, booking, seen)
    else:
        charged = yield from _charge(command, booking, seen)
        if isinstance(charged, Rejected):
            return charged
        paid = charged
    return moved(
        booking,
        Status.CONFIRMED,
        by=principal.label,
        at=at.decided,
        reason=command.reason,
        owed=owed,
        payment=paid,
    )


def _charge(
    command: ChangeStatus, booking: Booking, seen: Payment | PartnerUnavailable
) -> Step[Payment | Rejected]:
    if isinstance(seen, PartnerUnavailable):
        return Rejected(payment_away())
    if seen.intent_id is None or seen.is_known or seen.status is PaymentStatus.PROCESSING:
        return Rejected(payment_required())
    confirm_intent = ConfirmIntent(command.asked.key("confirm-intent"), seen.intent_id, booking.id)
    answer = yield from ask(confirm_intent)
    if isinstance(answer, Declined):
        return Rejected(payment_declined())
    after = after_intent(seen, answer, booking.price.total)
    if isinstance(after, PartnerUnavailable):
        again = FindIntent(command.asked.key("find-confirmed-intent"), seen.intent_id)
        after = after_intent(seen, (yield from ask(again)), booking.price.total)
        if isinstance(after, PartnerUnavailable) or after.status is PaymentStatus.REQUIRES_PAYMENT:
            return Rejected(payment_away(), _charge_lost(confirm_intent, booking, answer))
    if after.status is PaymentStatus.FAILED:
        return Rejected(payment_declined())
    return after if after.covers(booking.price.total) else Rejected(payment_required())


def _charge_lost(
    call: ConfirmIntent, booking: Booking, answer: Intent | PartnerUnavailable
) -> tuple[Undo, ...]:
    """A charge that may land only after the booking has ended; a confirmation uses it instead."""
    if isinstance(answer, PartnerUnavailable) and not answer.may_have_happened:
        return ()
    owed = RefundOwed(give_back_key(call.key), call.intent_id, None, "charged too late")
    return (Undo.of(owed, booking.id, booking.venue.id),)


def _charge_unseen(
    command: ChangeStatus, booking: Booking, seen: Payment | PartnerUnavailable
) -> tuple[Undo, ...]:
    """Paid at the venue while nobody could tell of the intent: its charge, if any, goes back."""
    intent_id = booking.payment.intent_id
    is_unpaid = isinstance(seen, Payment) and seen.status is not PaymentStatus.PROCESSING
    if intent_id is None or is_unpaid:
        return ()
    key = command.asked.key("refund-unseen")
    owed = RefundOwed(key, intent_id, None, "paid at the venue")
    return (Undo.of(owed, booking.id, booking.venue.id),)
