"""A booking as a row, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

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
from domain.outcome import StatusChange
from domain.time_slot import TimeSlot
from handlers.ports import DataKey, PromiseBroken, key_id_of
from schemas.ids import id_text
from schemas.sealed import PersonalPart, dump_personal, load_personal

_COLUMNS: Final = tuple(bookings.c.keys())
_ERASED: Final = "erased"
_NOBODY: Final = PersonalPart()


def booking_row(booking: Booking, key: DataKey | None) -> dict[str, object]:
    """Every column of `bookings` but `sweep_attempt`, which only the sweeper's commands move."""
    row = open_row(booking)
    row["personal"] = _sealed(booking, key)
    return row


def open_row(booking: Booking) -> dict[str, object]:
    """The same without what is personal."""
    venue, slot = booking.venue, booking.slot
    price, payment, hold = booking.price, booking.payment, booking.hold
    return {
        "id": booking.id,
        "booking_reference": booking.reference,
        "guest_id": booking.contact.guest_id,
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
        "base_price": str(price.base.amount),
        "tax_amount": str(price.tax.amount),
        "discount_amount": str(price.discount.amount),
        "total_price": str(price.total.amount),
        "currency": price.currency,
        "price_source": "fallback" if price.is_fallback else "quoted",
        "price_decision_reference": price.decision_reference,
        "payment_intent_id": payment.intent_id,
        "payment_status": payment.status,
        "amount_paid": str(payment.paid.amount),
        "amount_refunded": str(payment.refunded.amount),
        "inventory_reservation_id": hold.reservation_id,
        "inventory_item_id": hold.item,
        "created_at": booking.created_at,
        "updated_at": booking.updated_at,
        "confirmed_at": booking.confirmed_at,
        "cancelled_at": booking.cancelled_at,
        "checked_in_at": booking.checked_in_at,
        "completed_at": booking.completed_at,
        "expires_at": booking.expires_at,
        "cancelled_by": booking.cancelled_by,
        "source": booking.source,
        "metadata": None if booking.metadata is None else json.dumps(dict(booking.metadata)),
        "sweep_at": sweep_at(booking),
    }


def sweep_at(booking: Booking) -> datetime | None:
    """When the sweeper shall look at it: only a pending booking expires."""
    return booking.expires_at if booking.status is Status.PENDING else None


def _sealed(booking: Booking, key: DataKey | None) -> str | None:
    """Of an erased guest without anything new, no more than by which key it was sealed."""
    if not booking.is_personal:
        erased_with = booking.contact.key_id if booking.contact.is_erased else None
        return f"{_ERASED}.{erased_with}." if erased_with else None
    if key is None:
        raise PromiseBroken(f"booking {booking.id} has something personal and no key to seal it")
    return key.seal(dump_personal(PersonalPart.of(booking)), _place(booking.id))


def _place(booking_id: UUID) -> str:
    return f"bookings.personal/{id_text(booking_id)}"


def _sealed_reason(
    booking_id: UUID, version: int, reason: str | None, key: DataKey | None
) -> str | None:
    """The column `reason` of `booking_history`."""
    if reason is None:
        return None
    if key is None:
        raise PromiseBroken(f"booking {booking_id} has a reason and no key to seal it")
    return key.seal(reason.encode(), f"booking_history.reason/{booking_id}/{version}")


def history_row(booking: Booking, change: StatusChange, key: DataKey | None) -> dict[str, object]:
    """A row of `booking_history`: how this version came to be."""
    return {
        "booking_id": booking.id,
        "version": booking.version,
        "from_status": change.from_status,
        "to_status": change.to_status,
        "changed_by": change.changed_by,
        "reason": _sealed_reason(booking.id, booking.version, change.reason, key),
        "created_at": booking.updated_at,
    }


def opened_reason(row: Row[Any], keys: Mapping[UUID, DataKey]) -> str | None:
    """From a row of `booking_history`; of an erased guest there is none."""
    key = keys.get(key_id_of(row.reason)) if row.reason is not None else None
    if key is None:
        return None
    return key.open(row.reason, f"booking_history.reason/{row.booking_id}/{row.version}").decode()


def booking_of(row: Sequence[Any], keys: Mapping[UUID, DataKey]) -> Booking:
    """From a row with all columns of `bookings`, in their order, and the guests' keys that are left
    (`GuestKeys.opening`). Raises CannotOpen.
    """
    of = dict(zip(_COLUMNS, row, strict=True))  # much quicker than the row's own names
    key_id, is_erased, person = _person_of(of["id"], of["personal"], keys)
    currency = of["currency"]

    def money(amount: Any) -> Money:
        return Money(amount, currency)

    return Booking(
        id=of["id"],
        reference=of["booking_reference"],
        version=of["version"],
        status=Status(of["status"]),
        contact=Contact(
            of["guest_id"],
            person.guest_name,
            person.guest_email,
            person.guest_phone,
            key_id,
            is_erased,
        ),
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
        special_requests=person.special_requests,
        internal_notes=person.internal_notes,
        source=Source(of["source"]),
        metadata=None if of["metadata"] is None else json.loads(of["metadata"]),
        idempotency_key=person.idempotency_key,
        created_at=of["created_at"],
        updated_at=of["updated_at"],
        expires_at=of["expires_at"],
        confirmed_at=of["confirmed_at"],
        cancelled_at=of["cancelled_at"],
        checked_in_at=of["checked_in_at"],
        completed_at=of["completed_at"],
        cancellation_reason=person.cancellation_reason,
        cancelled_by=of["cancelled_by"],
    )


def _person_of(
    booking_id: UUID, sealed: str | None, keys: Mapping[UUID, DataKey]
) -> tuple[UUID | None, bool, PersonalPart]:
    """The key it was sealed with, whether that is gone, and what is left of the guest."""
    if sealed is None:
        return None, False, _NOBODY
    key_id = key_id_of(sealed)
    key = keys.get(key_id)
    if key is None or sealed.startswith(_ERASED):
        return key_id, True, _NOBODY
    return key_id, False, load_personal(key.open(sealed, _place(booking_id)))
