"""A booking as a row, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from adapters.database.tables import bookings
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

_COLUMNS: Final = tuple(bookings.c.keys())


def booking_row(booking: Booking) -> dict[str, object]:
    """Every column of `bookings` but `sweep_attempt`, which only the sweeper's commands move."""
    contact, venue, slot = booking.contact, booking.venue, booking.slot
    price, payment, hold = booking.price, booking.payment, booking.hold
    return {
        "id": booking.id,
        "booking_reference": booking.reference,
        "guest_id": contact.guest_id,
        "guest_name": contact.name,
        "guest_email": contact.email,
        "guest_phone": contact.phone,
        "venue_id": venue.id,
        "venue_type": venue.type.value,
        "venue_name": venue.name,
        "venue_time_zone": venue.time_zone,
        "booking_date": booking.booking_date,
        "booking_time": slot.starts_at,
        "duration_minutes": slot.minutes,
        "end_time": slot.ends_at,
        "party_size": booking.party_size,
        "status": booking.status.value,
        "version": booking.version,
        "base_price": str(price.base.amount),
        "tax_amount": str(price.tax.amount),
        "discount_amount": str(price.discount.amount),
        "total_price": str(price.total.amount),
        "currency": price.currency,
        "price_source": "fallback" if price.is_fallback else "quoted",
        "price_decision_reference": price.decision_reference,
        "payment_intent_id": payment.intent_id,
        "payment_status": payment.status.value,
        "amount_paid": str(payment.paid.amount),
        "amount_refunded": str(payment.refunded.amount),
        "inventory_reservation_id": hold.reservation_id,
        "inventory_item_id": hold.item,
        "special_requests": booking.special_requests,
        "internal_notes": booking.internal_notes,
        "idempotency_key": booking.idempotency_key,
        "created_at": booking.created_at,
        "updated_at": booking.updated_at,
        "confirmed_at": booking.confirmed_at,
        "cancelled_at": booking.cancelled_at,
        "checked_in_at": booking.checked_in_at,
        "completed_at": booking.completed_at,
        "expires_at": booking.expires_at,
        "cancellation_reason": booking.cancellation_reason,
        "cancelled_by": booking.cancelled_by,
        "source": booking.source.value,
        "metadata": None if booking.metadata is None else json.dumps(dict(booking.metadata)),
        "sweep_at": sweep_at(booking),
    }


def sweep_at(booking: Booking) -> datetime | None:
    """When the sweeper shall look at it: only a pending booking expires."""
    return booking.expires_at if booking.status is Status.PENDING else None


def booking_of(row: Row[Any]) -> Booking:
    """From a row with all columns of `bookings`, in their order."""
    of = dict(zip(_COLUMNS, row, strict=True))  # much quicker than the row's own names

    def money(amount: Any) -> Money:
        return Money(amount, of["currency"])

    return Booking(
        id=of["id"],
        reference=of["booking_reference"],
        version=of["version"],
        status=Status(of["status"]),
        contact=Contact(of["guest_id"], of["guest_name"], of["guest_email"], of["guest_phone"]),
        venue=Venue(
            of["venue_id"], VenueType(of["venue_type"]), of["venue_name"], of["venue_time_zone"]
        ),
        slot=TimeSlot(of["booking_time"], of["end_time"]),
        booking_date=of["booking_date"],
        party_size=of["party_size"],
        price=Price(
            base=money(of["base_price"]),
            tax=money(of["tax_amount"]),
            discount=money(of["discount_amount"]),
            total=money(of["total_price"]),
            is_fallback=of["price_source"] == "fallback",
            decision_reference=of["price_decision_reference"],
        ),
        payment=Payment(
            of["payment_intent_id"],
            PaymentStatus(of["payment_status"]),
            money(of["amount_paid"]),
            money(of["amount_refunded"]),
        ),
        hold=Hold(of["inventory_reservation_id"], of["inventory_item_id"]),
        special_requests=of["special_requests"],
        internal_notes=of["internal_notes"],
        source=Source(of["source"]),
        metadata=None if of["metadata"] is None else json.loads(of["metadata"]),
        idempotency_key=of["idempotency_key"],
        created_at=of["created_at"],
        updated_at=of["updated_at"],
        expires_at=of["expires_at"],
        confirmed_at=of["confirmed_at"],
        cancelled_at=of["cancelled_at"],
        checked_in_at=of["checked_in_at"],
        completed_at=of["completed_at"],
        cancellation_reason=of["cancellation_reason"],
        cancelled_by=of["cancelled_by"],
    )
