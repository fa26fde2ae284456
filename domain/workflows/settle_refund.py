"""Carry out a refund that is owed: what nobody stands on goes back, and never more than that."""

from __future__ import annotations

from typing import Final

from domain.booking import Booking, Payment, PaymentStatus
from domain.effects import Declined, FindIntent, Intent, PartnerUnavailable, RefundPayment
from domain.lifecycle import Status
from domain.money import Money
from domain.outcome import Settled, StillOwed
from domain.undo import WHOLE_REFUND_REASON, RefundOwed, other_amount_key, whole_refund_key
from domain.workflow import Step, Workflow, ask
from domain.workflows.give_back import refunded_amount
from domain.workflows.payment import after_intent
from domain.workflows.settling import Settling, recorded

_ENDED_UNUSED: Final = frozenset({Status.CANCELLED, Status.EXPIRED})
_UNDER_WAY: Final = StillOwed("the payment is still under way")
_NOT_YET: Final = StillOwed("unpaid, but a lost confirmation may still be under way")


def settle_refund(settling: Settling, owed: RefundOwed) -> Workflow:
    """Settled with the booking's new version when its money moved; StillOwed to come again."""
    intent_id = owed.intent_id
    if intent_id is None:
        made = yield from _made(settling, owed)
        if not isinstance(made, str):
            return made
        intent_id = made
    booking = settling.booking
    if booking is not None and booking.payment.intent_id == intent_id:
        return (yield from _refund_of(settling, booking, intent_id, owed))
    return (yield from _refund_of_nobody(settling, intent_id, owed))


def _made(settling: Settling, owed: RefundOwed) -> Step[str | Settled | StillOwed]:
    """The id of an intent whose making was not answered: its old key gives it again."""
    if owed.create is None:
        return Settled()
    answer = yield from ask(owed.create)
    match answer:
        case PartnerUnavailable():
            return StillOwed(answer.detail)
        case Declined() if settling.is_proof:
            return Settled()
        case Declined():
            return StillOwed("declined under its old key, the first try may still be under way")
        case Intent():
            return answer.intent_id


# --- of an intent that no booking stands on ---


def _refund_of_nobody(settling: Settling, intent_id: str, owed: RefundOwed) -> Workflow:
    """All of it: its create was refused, or an update replaced it."""
    intent = yield from ask(FindIntent(settling.key("find-intent"), intent_id))
    if isinstance(intent, PartnerUnavailable):
        return StillOwed(intent.detail)
    if intent.status is not PaymentStatus.SUCCEEDED:
        return _unpaid(settling, intent, owed)
    amount = owed.amount or intent.amount or (owed.create.amount if owed.create else None)
    if amount is None:
        return StillOwed("the payment service tells no amount")
    key = owed.key if owed.amount else whole_refund_key(intent_id)
    reason = owed.reason if owed.amount else WHOLE_REFUND_REASON
    refund = RefundPayment(key, intent_id, settling.command.booking_id, amount, reason)
    answer = yield from ask(refund)
    return StillOwed(answer.detail) if isinstance(answer, PartnerUnavailable) else Settled()


def _unpaid(settling: Settling, intent: Intent, owed: RefundOwed) -> Settled | StillOwed:
    """While its booking is pending the guest may still pay it, with the secret of the first reply.

    Nobody ever heard the secret of an intent whose making was not answered.
    """
    if intent.status is PaymentStatus.PROCESSING:
        return _UNDER_WAY
    if intent.status is PaymentStatus.FAILED:
        return Settled()
    if settling.booking is not None and settling.booking.status is Status.PENDING:
        return StillOwed("the guest may still pay it")
    return Settled() if owed.create is not None or settling.is_proof else _NOT_YET


# --- of a booking's own intent ---


def _refund_of(settling: Settling, booking: Booking, intent_id: str, owed: RefundOwed) -> Workflow:
    """What the booking does not stand on of it, then the booking's next version."""
    if booking.payment.is_known:
        return (yield from _refund_of_seen(settling, booking, booking.payment, owed))
    if booking.status is Status.PENDING:
        return StillOwed("the booking is pending, its end or its confirmation asks the intent")
    intent = yield from ask(FindIntent(settling.key("find-intent"), intent_id))
    if isinstance(intent, Intent) and intent.status is not PaymentStatus.SUCCEEDED:
        return _unpaid(settling, intent, owed)
    seen = after_intent(booking.payment, intent, booking.price.total)
    if isinstance(seen, PartnerUnavailable):
        return StillOwed(seen.detail)
    # The booking learns of this charge only now, so nobody stands on it.
    return (yield from _refund(settling, booking, seen, owed, owed.amount or seen.kept))


def _refund_of_seen(
    settling: Settling, booking: Booking, payment: Payment, owed: RefundOwed
) -> Workflow:
    """A booking that ended unused gives what is owed, any other what was paid beyond its price.

    What is owed beyond that was begun by a command that died. To send it again would make it, if it
    was not made, and take the money that the booking stands on.
    """
    if owed.amount is None:
        return Settled()
    has_ended = booking.status in _ENDED_UNUSED
    if has_ended or owed.amount <= booking.overpaid:
        return (yield from _refund(settling, booking, payment, owed, owed.amount))
    if payment.kept.is_zero:
        return Settled()
    is_gone = yield from _is_gone(settling, payment)
    if is_gone:
        return recorded(settling, booking, payment.given_back(payment.kept))
    return StillOwed("begun and not heard of, and a booking stands on it: ask the payment service")


def _refund(
    settling: Settling, booking: Booking, payment: Payment, owed: RefundOwed, named: Money
) -> Workflow:
    """`named` of what is kept; a refusal may mean that it went back already."""
    amount = min(named, payment.kept)
    if amount.is_zero or payment.intent_id is None:
        return Settled()
    key, reason = _worded(owed, payment.intent_id, amount, payment.paid)
    refund = RefundPayment(key, payment.intent_id, booking.id, amount, reason)
    answer = yield from ask(refund)
    returned = refunded_amount(answer, payment)
    if returned is not None:
        return recorded(settling, booking, payment.given_back(returned))
    if isinstance(answer, PartnerUnavailable) and not answer.may_have_happened:
        is_gone = yield from _is_gone(settling, payment)
        if is_gone:
            return recorded(settling, booking, payment.given_back(payment.kept))
    detail = answer.detail if isinstance(answer, PartnerUnavailable) else "in another currency"
    return StillOwed(f"not refunded: {detail}")


def _worded(owed: RefundOwed, intent_id: str, amount: Money, paid: Money) -> tuple[str, str]:
    """Key and reason, which go together: the command's own, unless the amount is another."""
    if amount == owed.amount:
        return owed.key, owed.reason
    if amount == paid:
        return whole_refund_key(intent_id), WHOLE_REFUND_REASON
    return other_amount_key(owed.key, amount), owed.reason


def _is_gone(settling: Settling, payment: Payment) -> Step[bool]:
    """Whether an intent that was paid is so no longer: all of it went back."""
    if payment.intent_id is None:
        return False
    intent = yield from ask(FindIntent(settling.key("find-refunded"), payment.intent_id))
    return isinstance(intent, Intent) and intent.status is PaymentStatus.FAILED
