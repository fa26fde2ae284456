"""A booking with good defaults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.booking import (
    Booking,
    Contact,
    Hold,
    Payment,
    PaymentStatus,
    Source,
    Venue,
    VenueType,
)
from domain.lifecycle import Status
from domain.money import Money, Price
from domain.time_slot import TimeSlot
from tests.schemas.messages import BOOKING, GUEST, VENUE

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
PERSONAL = ("Ada Lovelace", "ada@example.org", "+44 20 7946", "window seat", "VIP", "feeling ill")


def a_price(total: str = "110.00", currency: str = "EUR") -> Price:
    money = Money(Decimal(total), currency)
    return Price(money, Money.zero(currency), Money.zero(currency), money, False, "quote-1")


def a_booking(**changes: Any) -> Booking:
    price = changes.get("price", a_price())
    zero = Money.zero(price.currency)
    values: dict[str, Any] = {
        "id": UUID(BOOKING),
        "reference": "BR-20300517-ABCDEFGH",
        "version": 1,
        "status": Status.PENDING,
        "contact": Contact(GUEST.id, *PERSONAL[:3]),
        "venue": Venue(UUID(VENUE), VenueType.RESTAURANT, "Chez Ada", "Europe/Paris"),
        "slot": TimeSlot.lasting(datetime(2030, 5, 17, 17, tzinfo=UTC), 120),
        "booking_date": date(2030, 5, 17),
        "party_size": 2,
        "price": price,
        "payment": Payment("pi_1", PaymentStatus.REQUIRES_PAYMENT, zero, zero),
        "hold": Hold("res_1", "table-4"),
        "special_requests": PERSONAL[3],
        "internal_notes": PERSONAL[4],
        "source": Source.WEB,
        "metadata": {"campaign": "spring"},
        "idempotency_key": "key-1",
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW,
        "cancellation_reason": PERSONAL[5],
    }
    return Booking(**(values | changes))
