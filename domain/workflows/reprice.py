"""What an update means for the money: the new price, what is to be paid or given back for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import Asked
from domain.effects import GetQuote, PartnerUnavailable, Quote
from domain.lifecycle import Status
from domain.money import Money, Price
from domain.policies.partners import payment_away, payment_required, pricing_away
from domain.policies.pricing import price_of, refuse_dearer, refuse_other_currency
from domain.refusal import Refusal
from domain.rules import Rules
from domain.stay import Stay
from domain.workflow import Step, ask
from domain.workflows.payment import seen_payment


@dataclass(frozen=True, slots=True)
class Repriced:
    """`needs_intent`: nothing is paid yet, so the old intent's amount is wrong; `refund` else."""

    price: Price
    payment: Payment
    refund: Money
    needs_intent: bool = False
    valid_until: datetime | None = None


def reprice(asked: Asked, booking: Booking, stay: Stay, rules: Rules) -> Step[Repriced | Refusal]:
    """A new quote where time or party changed; it only asks, nothing has an effect yet.

    Who paid already gets the difference back, and cannot be made to pay more.
    """
    zero = Money.zero(booking.price.currency)
    if stay.slot == booking.slot and stay.party_size == booking.party_size:
        return Repriced(booking.price, booking.payment, zero)
    answer = yield from ask(_quote(asked, booking, stay))
    price = price_of(answer, booking.venue.type, stay.party_size, rules)
    if isinstance(price, Refusal):
        return price
    if refusal := refuse_other_currency(booking, price):
        return refusal
    valid_until = answer.valid_until if isinstance(answer, Quote) else None
    if price.total == booking.price.total or booking.payment.status is PaymentStatus.AT_VENUE:
        return Repriced(price, booking.payment, zero, valid_until=valid_until)
    settled = yield from _settled(asked, booking)
    if isinstance(settled, Refusal):
        return settled
    if booking.status is Status.PENDING and not settled.is_known:
        return Repriced(price, settled, zero, needs_intent=True, valid_until=valid_until)
    if price.is_fallback:
        return pricing_away()  # money that was paid moves only by a quoted price
    stands = settled.kept - booking.overpaid  # the rest is on its way back already
    if refusal := refuse_dearer(booking, price, stands):
        return refusal
    return Repriced(price, settled, stands - price.total, valid_until=valid_until)


def _settled(asked: Asked, booking: Booking) -> Step[Payment | Refusal]:
    """Whether it is paid: only a pending booking does not know for sure."""
    if booking.status is not Status.PENDING:
        return booking.payment
    seen = yield from seen_payment(asked, booking)
    if isinstance(seen, PartnerUnavailable):
        return payment_away()
    return payment_required() if seen.status is PaymentStatus.PROCESSING else seen


def _quote(asked: Asked, booking: Booking, stay: Stay) -> GetQuote:
    return GetQuote(
        key=asked.key("quote"),
        venue_id=booking.venue.id,
        venue_type=booking.venue.type,
        booking_time=stay.slot.starts_at,
        party_size=stay.party_size,
        duration_minutes=stay.slot.minutes,
        guest_id=booking.contact.guest_id,
    )
