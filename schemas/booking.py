"""A booking as replies show it: the model for people and documents, and a fast way to write it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.booking import Booking, PaymentStatus, Source, VenueType
from domain.lifecycle import Status
from schemas.strict_json import utc

Money = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["110.00"])]


class BookingShown(BaseModel):
    """A booking; money is decimal text with `currency`'s own digits, instants are in UTC."""

    model_config = ConfigDict(extra="forbid", title="Booking")

    id: UUID
    booking_reference: str
    guest_id: UUID
    guest_name: str | None
    guest_email: str | None
    guest_phone: str | None
    venue_id: UUID
    venue_type: VenueType
    venue_name: str | None
    venue_time_zone: str | None
    booking_date: date
    booking_time: datetime
    duration_minutes: int
    end_time: datetime
    party_size: int
    status: Status
    version: int
    base_price: Money
    tax_amount: Money
    discount_amount: Money
    total_price: Money
    currency: str
    price_source: Literal["quoted", "fallback"]
    price_decision_reference: str | None
    payment_intent_id: str | None
    payment_status: PaymentStatus
    amount_paid: Money
    amount_refunded: Money
    inventory_reservation_id: str
    inventory_item_id: str | None
    special_requests: str | None
    internal_notes: Annotated[str | None, Field(description="Null for guests, always.")]
    idempotency_key: str | None
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    checked_in_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    cancellation_reason: str | None
    cancelled_by: str | None
    source: Source
    metadata: dict[str, Any] | None
    guest_erased: Annotated[
        bool, Field(description="Only there, and true, when the guest was erased.")
    ] = False


class BookingToPay(BookingShown):
    """The reply to a create, and to an update that opens another payment.

    The secret only when the payment service gave one.
    """

    payment_client_secret: str | None = None


def booking_json(booking: Booking, *, with_notes: bool) -> dict[str, Any]:
    """All fields in BookingShown's order, for `strict_json.json_bytes`.

    Ids, instants, dates and enums stay what they are: the writer makes text of them faster.
    """
    contact, venue, slot = booking.contact, booking.venue, booking.slot
    return {
        "id": booking.id,
        "booking_reference": booking.reference,
        "guest_id": contact.guest_id,
        "guest_name": contact.name,
        "guest_email": contact.email,
        "guest_phone": contact.phone,
        "venue_id": venue.id,
        "venue_type": venue.type,
        "venue_name": venue.name,
        "venue_time_zone": venue.time_zone,
        "booking_date": booking.booking_date,
        "booking_time": slot.starts_at,
        "duration_minutes": slot.minutes,
        "end_time": slot.ends_at,
        "party_size": booking.party_size,
        "status": booking.status,
        "version": booking.version,
        **_money_and_hold(booking),
        "special_requests": booking.special_requests,
        "internal_notes": booking.internal_notes if with_notes else None,
        "idempotency_key": booking.idempotency_key,
        **_moments(booking),
        "cancellation_reason": booking.cancellation_reason,
        "cancelled_by": booking.cancelled_by,
        "source": booking.source,
        "metadata": booking.metadata,
        **({"guest_erased": True} if contact.is_erased else {}),
    }


def _money_and_hold(booking: Booking) -> dict[str, Any]:
    price, payment, hold = booking.price, booking.payment, booking.hold
    return {
        "base_price": price.base.text(),
        "tax_amount": price.tax.text(),
        "discount_amount": price.discount.text(),
        "total_price": price.total.text(),
        "currency": price.total.currency,
        "price_source": "fallback" if price.is_fallback else "quoted",
        "price_decision_reference": price.decision_reference,
        "payment_intent_id": payment.intent_id,
        "payment_status": payment.status,
        "amount_paid": payment.paid.text(),
        "amount_refunded": payment.refunded.text(),
        "inventory_reservation_id": hold.reservation_id,
        "inventory_item_id": hold.item,
    }


def _moments(booking: Booking) -> dict[str, Any]:
    return {
        "created_at": utc(booking.created_at),
        "updated_at": utc(booking.updated_at),
        "confirmed_at": booking.confirmed_at and utc(booking.confirmed_at),
        "cancelled_at": booking.cancelled_at and utc(booking.cancelled_at),
        "checked_in_at": booking.checked_in_at and utc(booking.checked_in_at),
        "completed_at": booking.completed_at and utc(booking.completed_at),
        "expires_at": booking.expires_at and utc(booking.expires_at),
    }
