"""A booking as a row, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row

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
        "base_price": price.base.text(),
        "tax_amount": price.tax.text(),
        "discount_amount": price.discount.text(),
        "total_price": price.total.text(),
        "currency": price.currency,
        "price_source": "fallback" if price.is_fallback else "quoted",
        "price_decision_reference": price.decision_reference,
        "payment_intent_id": payment.intent_id,
        "payment_status": payment.status.value,
        "amount_paid": payment.paid.text(),
        "amount_refunded": payment.refunded.text(),
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
    """From a row with all columns of `bookings`."""

    def money(amount: Any) -> Money:
        return Money(amount, row.currency)

    return Booking(
        id=row.id,
        reference=row.booking_reference,
        version=row.version,
        status=Status(row.status),
        contact=Contact(row.guest_id, row.guest_name, row.guest_email, row.guest_phone),
        venue=Venue(row.venue_id, VenueType(row.venue_type), row.venue_name, row.venue_time_zone),
        slot=TimeSlot(row.booking_time, row.end_time),
        booking_date=row.booking_date,
        party_size=row.party_size,
        price=Price(
            base=money(row.base_price),
            tax=money(row.tax_amount),
            discount=money(row.discount_amount),
            total=money(row.total_price),
            is_fallback=row.price_source == "fallback",
            decision_reference=row.price_decision_reference,
        ),
        payment=Payment(
            row.payment_intent_id,
            PaymentStatus(row.payment_status),
            money(row.amount_paid),
            money(row.amount_refunded),
        ),
        hold=Hold(row.inventory_reservation_id, row.inventory_item_id),
        special_requests=row.special_requests,
        internal_notes=row.internal_notes,
        source=Source(row.source),
        metadata=None if row.metadata is None else json.loads(row.metadata),
        idempotency_key=row.idempotency_key,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        confirmed_at=row.confirmed_at,
        cancelled_at=row.cancelled_at,
        checked_in_at=row.checked_in_at,
        completed_at=row.completed_at,
        cancellation_reason=row.cancellation_reason,
        cancelled_by=row.cancelled_by,
    )
