"""What a booking costs: the pricing service's quote, or the house's own price when it is away."""

from __future__ import annotations

from domain.booking import Booking, VenueType
from domain.effects import PartnerUnavailable, Quote
from domain.money import Money, Price
from domain.policies.partners import pricing_away
from domain.refusal import Code, Refusal
from domain.rules import Rules


def price_of(
    answer: Quote | PartnerUnavailable, venue_type: VenueType, party_size: int, rules: Rules
) -> Price | Refusal:
    """The quoted price; else the marked fallback; else a refusal, never a zero by accident."""
    if isinstance(answer, Quote):
        return Price(
            base=answer.base,
            tax=answer.tax,
            discount=answer.discount,
            total=answer.total,
            is_fallback=False,
            decision_reference=answer.decision_reference,
        )
    return fallback_price(venue_type, party_size, rules) or pricing_away()


def fallback_price(venue_type: VenueType, party_size: int, rules: Rules) -> Price | None:
    """The configured price per person; None where the business configured none."""
    fallback = rules.fallback
    per_person = fallback.per_person.get(venue_type) if fallback.is_allowed else None
    if per_person is None:
        return None
    total = Money.rounded(per_person * party_size, fallback.currency)
    zero = Money.zero(fallback.currency)
    return Price(
        base=total, tax=zero, discount=zero, total=total, is_fallback=True, decision_reference=None
    )


def refuse_other_currency(booking: Booking, price: Price) -> Refusal | None:
    """A booking keeps its currency; another one is no usable answer of the pricing service."""
    return None if price.currency == booking.price.currency else pricing_away()


def refuse_dearer(booking: Booking, price: Price, paid: Money) -> Refusal | None:
    """More than what was paid for: somebody has to pay the rest first, and nothing here can."""
    if price.total <= paid:
        return None
    old, new = booking.price.total, price.total
    return Refusal(
        Code.PRICE_INCREASE_REQUIRES_PAYMENT,
        f"The change raises the price from {old.text()} to {new.text()} {new.currency}, "
        "and the booking is paid already.",
        extras={
            "current_total_price": old.text(),
            "new_total_price": new.text(),
            "currency": new.currency,
        },
    )
