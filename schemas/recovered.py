"""An event read back: the booking as it was then, and the command that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

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
from schemas.sealed import PersonalPart

WRONG_SHAPE: Final = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What taking JSON apart raises when it is not what was expected."""


@dataclass(frozen=True, slots=True)
class EventRead:
    """The open part of an event; what is sealed is still to be opened."""

    event_id: str
    at: datetime
    payload: dict[str, Any]

    @property
    def booking_id(self) -> UUID:
        return UUID(self.payload["booking_id"])

    @property
    def version(self) -> int:
        return int(self.payload["booking_version"])


def read_event(value: bytes | None) -> EventRead:
    """Raises ValueError for what is no event of ours."""
    try:
        body = orjson.loads(value or b"")
        event = EventRead(
            str(UUID(body["event_id"])), _moment(body["timestamp"]), dict(body["payload"])
        )
        _ = event.booking_id, event.version
    except WRONG_SHAPE as error:
        raise ValueError(f"not an event of this service: {type(error).__name__}") from None
    return event


def booking_from(payload: dict[str, Any], personal: PersonalPart) -> Booking:
    """The booking that was published. Raises ValueError when something is missing or wrong."""
    try:
        return _booking(payload, personal)
    except WRONG_SHAPE as error:
        raise ValueError(f"the payload cannot be read: {error!r}") from None


def _booking(of: dict[str, Any], personal: PersonalPart) -> Booking:
    def money(name: str) -> Money:
        return Money(Decimal(of[name]), of["currency"])

    return Booking(
        id=UUID(of["booking_id"]),
        reference=of["booking_reference"],
        version=of["booking_version"],
        status=Status(of["status"]),
        contact=Contact(
            UUID(of["guest_id"]), personal.guest_name, personal.guest_email, personal.guest_phone
        ),
        venue=Venue(
            UUID(of["venue_id"]),
            VenueType(of["venue_type"]),
            of["venue_name"],
            of["venue_time_zone"],
        ),
        slot=TimeSlot(_moment(of["booking_time"]), _moment(of["end_time"])),
        booking_date=date.fromisoformat(of["booking_date"]),
        party_size=of["party_size"],
        price=Price(
            base=money("base_price"),
            tax=money("tax_amount"),
            discount=money("discount_amount"),
            total=money("total_price"),
            is_fallback=of["price_source"] == "fallback",
            decision_reference=of["price_decision_reference"],
        ),
        payment=Payment(
            of["payment_intent_id"],
            PaymentStatus(of["payment_status"]),
            money("amount_paid"),
            money("amount_refunded"),
        ),
        hold=Hold(of["inventory_reservation_id"], of["inventory_item_id"]),
        special_requests=personal.special_requests,
        internal_notes=personal.internal_notes,
        source=Source(of["source"]),
        metadata=of["metadata"],
        idempotency_key=personal.idempotency_key,
        created_at=_moment(of["created_at"]),
        updated_at=_moment(of["updated_at"]),
        expires_at=_maybe(of["expires_at"]),
        confirmed_at=_maybe(of["confirmed_at"]),
        cancelled_at=_maybe(of["cancelled_at"]),
        checked_in_at=_maybe(of["checked_in_at"]),
        completed_at=_maybe(of["completed_at"]),
        cancellation_reason=personal.cancellation_reason,
        cancelled_by=of["cancelled_by"],
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)
