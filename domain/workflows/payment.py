"""What is paid: the payment service knows, the booking only remembers."""

from __future__ import annotations

from dataclasses import replace

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import Asked
from domain.effects import FindIntent, Intent, Partner, PartnerUnavailable
from domain.money import Money
from domain.workflow import Step, ask


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
    known = replace(payment, intent_id=answer.intent_id)
    if answer.status is PaymentStatus.SUCCEEDED:
        return known.received(answer.amount or total)
    return known if known.status is PaymentStatus.AT_VENUE else replace(known, status=answer.status)
