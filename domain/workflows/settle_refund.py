"""Carry out a refund that is owed: what nobody stands on goes back, and never more than that."""

from __future__ import annotations

from dataclasses import replace

from domain.booking import Booking, Payment, PaymentStatus
from domain.changes import public_changes
from domain.commands import Moment, SettleUndo
from domain.effects import Declined, FindIntent, PartnerUnavailable, RefundPayment
from domain.lifecycle import Status
from domain.money import Money
from domain.outcome import Accepted, EventType, Happened, Settled, StillOwed
from domain.undo import RefundOwed, whole_refund_key
from domain.workflow import Step, Workflow, ask
from domain.workflows.give_back import refunded_amount
from domain.workflows.payment import seen_payment

_ENDED_UNUSED = frozenset({Status.CANCELLED, Status.EXPIRED})
_UNDER_WAY = StillOwed("the payment is still under way")


def settle_refund(
    command: SettleUndo, owed: RefundOwed, booking: Booking | None, at: Moment
) -> Workflow:
    """Settled with the booking's new version when its money moved; StillOwed to come again."""
    intent_id = owed.intent_id
    if intent_id is None:
        made = yield from _made(owed)
        if not isinstance(made, str):
            return made
        intent_id = made
    if booking is not None and booking.payment.intent_id == intent_id:
        return (yield from _refund_of(booking, command, owed, at))
    return (yield from _refund_of_nobody(command, owed, intent_id, booking))


def _made(owed: RefundOwed) -> Step[str | Settled | StillOwed]:
    """The id of an intent whose making was not answered: its old key gives it again."""
    if owed.create is None:
        return Settled()
    answer = yield from ask(owed.create)
    if isinstance(answer, PartnerUnavailable):
        return StillOwed(answer.detail)
    return Settled() if isinstance(answer, Declined) else answer.intent_id


def _refund_of_nobody(
    command: SettleUndo, owed: RefundOwed, intent_id: str, booking: Booking | None
) -> Workflow:
    """All of an intent that no booking stands on: its create was refused, or an update replaced it.

    While its booking is pending the guest may still pay it, with the secret of the first reply.
    """
    intent = yield from ask(FindIntent(command.asked.key("find-intent"), intent_id))
    if isinstance(intent, PartnerUnavailable):
        return StillOwed(intent.detail)
    if intent.status is PaymentStatus.PROCESSING:
        return _UNDER_WAY
    if intent.status is not PaymentStatus.SUCCEEDED:
        is_pending = booking is not None and booking.status is Status.PENDING
        return StillOwed("the guest may still pay it") if is_pending else Settled()
    amount = owed.amount or intent.amount or (owed.create.amount if owed.create else None)
    if amount is None:
        return StillOwed("the payment service tells no amount")
    key = owed.key if owed.amount else whole_refund_key(intent_id)
    refund = RefundPayment(key, intent_id, command.booking_id, amount, owed.reason)
    answer = yield from ask(refund)
    return StillOwed(answer.detail) if isinstance(answer, PartnerUnavailable) else Settled()


def _refund_of(booking: Booking, command: SettleUndo, owed: RefundOwed, at: Moment) -> Workflow:
    """What the booking does not stand on of its own intent, then the booking's next version."""
    if not booking.payment.is_known and booking.status is Status.PENDING:
        return StillOwed("the booking is pending, its end or its confirmation asks the intent")
    seen = yield from seen_payment(command.asked, booking)
    if isinstance(seen, PartnerUnavailable):
        return StillOwed(seen.detail)
    if seen.status is PaymentStatus.PROCESSING:
        return _UNDER_WAY
    amount = _due(booking, seen, owed.amount)
    if amount.is_zero or seen.intent_id is None:
        return Settled()
    refund = RefundPayment(owed.key, seen.intent_id, booking.id, amount, owed.reason)
    answer = yield from ask(refund)
    returned = refunded_amount(answer, seen)
    if returned is None:
        return StillOwed("the refund was not answered")
    return Settled(_with_payment(booking, seen.given_back(returned), command, at))


def _due(booking: Booking, seen: Payment, named: Money | None) -> Money:
    """How much of `named` (None: all that the booking did not know of) may go back.

    A charge that the booking learns of only now: nobody stands on it. Else a booking that ended
    unused gives what was named, any other only what was paid beyond its price.
    """
    if not booking.payment.is_known:
        return min(named or seen.kept, seen.kept)
    if named is None:
        return Money.zero(seen.paid.currency)
    most = seen.kept if booking.status in _ENDED_UNUSED else booking.overpaid
    return min(named, most)


def _with_payment(booking: Booking, payment: Payment, command: SettleUndo, at: Moment) -> Accepted:
    if booking.payment.status is PaymentStatus.AT_VENUE:
        payment = replace(payment, status=PaymentStatus.AT_VENUE)
    after = booking.changed(at.decided, payment=payment)
    changed_by = command.asked.principal.label
    changes = public_changes(booking, after)
    return Accepted(after, (Happened(EventType.UPDATED, changed_by, changes=changes),))
