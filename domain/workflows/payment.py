"""What is paid: the payment service knows, the booking only remembers."""

from __future__ import annotations

from uuid import UUID

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import Asked
from domain.effects import (
    CreateIntent,
    Declined,
    FindIntent,
    Intent,
    Partner,
    PartnerUnavailable,
)
from domain.money import Money
from domain.outcome import Rejected
from domain.policies.partners import payment_away, payment_declined
from domain.undo import Undo
from domain.values import dataclass
from domain.workflow import Step, ask
from domain.workflows.give_back import intent_owed


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment that waits, or was charged at once; without an intent where nothing is to pay."""

    payment: Payment
    intent: Intent | None = None

    @property
    def client_secret(self) -> str | None:
        return self.intent.client_secret if self.intent else None


def open_payment(create: CreateIntent, venue_id: UUID) -> Step[Opened | Rejected]:
    """Make the intent; a zero total needs none. Rejected owes an intent that may have been made."""
    zero = Money.zero(create.amount.currency)
    if create.amount.is_zero:
        return Opened(Payment(None, PaymentStatus.NOT_REQUIRED, zero, zero))
    answer = yield from ask(create)
    if isinstance(answer, Declined):
        return Rejected(payment_declined())
    payment = after_intent(Payment(None, PaymentStatus.NONE, zero, zero), answer, create.amount)
    if isinstance(payment, PartnerUnavailable) or isinstance(answer, PartnerUnavailable):
        lost = intent_owed(create, answer)
        owed = (Undo.of(lost, create.booking_id, venue_id),) if lost else ()
        return Rejected(payment_away(), owed)
    if payment.status is PaymentStatus.FAILED:
        return Rejected(payment_declined())
    return Opened(payment, answer)


def seen_payment(asked: Asked, booking: Booking) -> Step[Payment | PartnerUnavailable]:
    """The payment as it is now; the intent is asked unless its charge was seen already."""
    payment = booking.payment
    if payment.intent_id is None or payment.is_known:
        return payment
    intent = yield from ask(FindIntent(asked.key("find-intent"), payment.intent_id))
    return after_intent(payment, intent, booking.price.total)


def after_intent(
    payment: Payment, answer: Intent | PartnerUnavailable, total: Money
) -> Payment | PartnerUnavailable:
    """The payment after an answer about its intent; only `succeeded` means that it is paid.

    Where the intent tells no amount it is `total`, the one it was made for. Another currency is no
    usable answer.
    """
    if isinstance(answer, PartnerUnavailable):
        return answer
    if answer.amount is not None and answer.amount.currency != total.currency:
        return PartnerUnavailable(Partner.PAYMENT, "an intent in another currency", True)
    status, paid = answer.status, payment.paid
    if status is PaymentStatus.SUCCEEDED:
        paid = answer.amount or total
    elif payment.status is PaymentStatus.AT_VENUE:
        status = payment.status
    return Payment(answer.intent_id, status, paid, payment.refunded)
