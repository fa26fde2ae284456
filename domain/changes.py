"""What an update changed, in the wire's names and without anything personal: it is published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from domain.booking import Booking

_PUBLIC: Final[dict[str, Callable[[Booking], object]]] = {
    "booking_date": lambda b: b.booking_date,
    "booking_time": lambda b: b.slot.starts_at,
    "duration_minutes": lambda b: b.slot.minutes,
    "end_time": lambda b: b.slot.ends_at,
    "party_size": lambda b: b.party_size,
    "base_price": lambda b: b.price.base.text(),
    "tax_amount": lambda b: b.price.tax.text(),
    "discount_amount": lambda b: b.price.discount.text(),
    "total_price": lambda b: b.price.total.text(),
    "price_source": lambda b: "fallback" if b.price.is_fallback else "quoted",
    "price_decision_reference": lambda b: b.price.decision_reference,
    "payment_intent_id": lambda b: b.payment.intent_id,
    "payment_status": lambda b: b.payment.status,
    "amount_paid": lambda b: b.payment.paid.text(),
    "amount_refunded": lambda b: b.payment.refunded.text(),
    "inventory_reservation_id": lambda b: b.hold.reservation_id,
    "inventory_item_id": lambda b: b.hold.item,
    "expires_at": lambda b: b.expires_at,
    "metadata": lambda b: b.metadata,
}


def public_changes(before: Booking, after: Booking) -> dict[str, tuple[object, object]]:
    """Field → (old, new), for the fields that differ; instants in UTC, money as decimal text.

    Empty when only personal fields changed: the event then says that there is a new version.
    """
    return {
        field: (value(before), value(after))
        for field, value in _PUBLIC.items()
        if differ(value(before), value(after))
    }


def differ(one: object, other: object) -> bool:
    """Whether a field changed from one to the other: JSON has 1, 1.0 and true apart, Python not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
    return one != other
