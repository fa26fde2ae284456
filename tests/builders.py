"""Commands, bookings and answers with good defaults: a test shows only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
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
from domain.commands import (
    Asked,
    CancelBooking,
    Changes,
    ChangeStatus,
    CreateBooking,
    ExpireBooking,
    Moment,
    UpdateBooking,
)
from domain.effects import Quote
from domain.lifecycle import Status
from domain.money import Money, Price
from domain.principal import Admin, Business, Guest, Principal, System
from domain.rules import Fallback, Rules
from domain.time_slot import TimeSlot

NOW: Final = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TOMORROW: Final = NOW + timedelta(days=1)
GUEST_ID: Final = UUID("00000000-0000-4000-8000-0000000000a1")
VENUE_ID: Final = UUID("00000000-0000-4000-8000-0000000000b1")
BOOKING_ID: Final = UUID("00000000-0000-4000-8000-0000000000c1")
COMMAND_ID: Final = UUID("00000000-0000-4000-8000-0000000000d1")

GUEST: Final = Guest(GUEST_ID)
SOMEBODY_ELSE: Final = Guest(UUID("00000000-0000-4000-8000-0000000000a2"))
BUSINESS: Final = Business("staff-1", frozenset({VENUE_ID}))
ANOTHER_BUSINESS: Final = Business("staff-2", frozenset())
ADMIN: Final = Admin("admin-1")


def at(sent: datetime = NOW, decided: datetime | None = None) -> Moment:
    """A command sent then, and decided a second later unless told otherwise."""
    return Moment(sent, decided or sent + timedelta(seconds=1))


def eur(amount: str | int) -> Money:
    return Money(Decimal(amount), "EUR")


def asked_by(principal: Principal = GUEST, command_id: UUID = COMMAND_ID) -> Asked:
    return Asked(principal, command_id)


def a_slot(starts_at: datetime = TOMORROW, minutes: int = 120) -> TimeSlot:
    return TimeSlot.lasting(starts_at, minutes)


def a_venue(**fields: Any) -> Venue:
    return replace(Venue(VENUE_ID, VenueType.RESTAURANT, "Chez Kafka", "Europe/Berlin"), **fields)


def a_contact(**fields: Any) -> Contact:
    return replace(Contact(GUEST_ID, "Ada", "ada@example.org", "+49 30 1234"), **fields)


def a_price(total: str | int = 110, currency: str = "EUR", *, is_fallback: bool = False) -> Price:
    whole, zero = Money(Decimal(total), currency), Money.zero(currency)
    return Price(whole, zero, zero, whole, is_fallback, None if is_fallback else "pd-1")


def a_quote(
    total: str | int = 110, currency: str = "EUR", valid_until: datetime | None = None
) -> Quote:
    whole, zero = Money(Decimal(total), currency), Money.zero(currency)
    return Quote(whole, zero, zero, whole, "pd-2", valid_until)


def unpaid(intent_id: str | None = "pi_1", currency: str = "EUR") -> Payment:
    zero = Money.zero(currency)
    status = PaymentStatus.REQUIRES_PAYMENT if intent_id else PaymentStatus.NOT_REQUIRED
    return Payment(intent_id, status, zero, zero)


def paid(amount: str | int = 110, intent_id: str = "pi_1", currency: str = "EUR") -> Payment:
    zero = Money.zero(currency)
    return Payment(intent_id, PaymentStatus.SUCCEEDED, Money(Decimal(amount), currency), zero)


def rules(**fields: Any) -> Rules:
    """The defaults of the house, and a fallback price of 25 EUR a person in restaurants."""
    fallback = Fallback(currency="EUR", per_person={VenueType.RESTAURANT: Decimal(25)})
    return replace(Rules(fallback=fallback), **fields)


def a_booking(status: Status = Status.PENDING, **fields: Any) -> Booking:
    """A table for two tomorrow; pending ones wait for payment, all others are paid."""
    pending = status is Status.PENDING
    booking = Booking(
        id=BOOKING_ID,
        reference="BR-20260602-ABCDEFGH",
        version=1 if pending else 2,
        status=status,
        contact=a_contact(),
        venue=a_venue(),
        slot=a_slot(),
        booking_date=TOMORROW.date(),
        party_size=2,
        price=a_price(),
        payment=unpaid() if pending else paid(),
        hold=Hold("res_1", "table-4"),
        special_requests=None,
        internal_notes=None,
        source=Source.WEB,
        metadata=None,
        idempotency_key=None,
        created_at=NOW - timedelta(minutes=5),
        updated_at=NOW - timedelta(minutes=5),
        expires_at=NOW + timedelta(minutes=10) if pending else None,
        confirmed_at=None if pending else NOW - timedelta(minutes=4),
    )
    return replace(booking, **fields)


def a_create(principal: Principal = GUEST, **fields: Any) -> CreateBooking:
    command = CreateBooking(
        asked=asked_by(principal),
        booking_id=BOOKING_ID,
        booking_reference="BR-20260602-ABCDEFGH",
        venue=a_venue(),
        slot=a_slot(),
        booking_date=TOMORROW.date(),
        party_size=2,
        item=None,
        contact=a_contact(),
        payment_method_id=None,
        special_requests=None,
        internal_notes=None,
        source=Source.WEB,
        metadata=None,
    )
    return replace(command, **fields)


def an_update(
    principal: Principal = GUEST, expected_version: int = 1, **changes: Any
) -> UpdateBooking:
    return UpdateBooking(asked_by(principal), BOOKING_ID, expected_version, Changes(**changes))


def a_cancellation(principal: Principal = GUEST, **fields: Any) -> CancelBooking:
    return replace(CancelBooking(asked_by(principal), BOOKING_ID), **fields)


def a_status(to: Status, principal: Principal = BUSINESS, **fields: Any) -> ChangeStatus:
    return replace(ChangeStatus(asked_by(principal), BOOKING_ID, to), **fields)


def an_expiry(expected_version: int = 1) -> ExpireBooking:
    return ExpireBooking(asked_by(System()), BOOKING_ID, expected_version)
