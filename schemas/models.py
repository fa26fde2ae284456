"""What goes out, as models for documents and tests: events, and the answers to queries."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.booking import PaymentStatus, Source, VenueType
from domain.lifecycle import Status
from domain.outcome import EventType
from schemas.booking import BookingShown, Money


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputShown(_Shown):
    """The record of the command behind an event."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime


class SealedShown(_Shown):
    """What is for this service alone: encrypted, and bound to booking and version."""

    model_config = ConfigDict(title="Sealed")

    v: Annotated[int, Field(description="Version of this object.")]
    service: Annotated[str, Field(description="Version, key and base64, joined by dots.")]
    guest: Annotated[
        str | None,
        Field(
            description="What is personal; the same, and nothing opens it once the guest is erased."
        ),
    ]


class EventPayload(_Shown):
    """The booking after the change, without what is personal; then what happened."""

    booking_id: UUID
    booking_reference: str
    booking_version: int
    guest_id: UUID
    user_id: UUID
    venue_id: UUID
    venue_type: VenueType
    venue_name: str | None
    venue_time_zone: str | None
    resource_type: Literal["room", "table", "unit"]
    resource_id: str | None
    booking_date: date
    booking_time: datetime
    duration_minutes: int
    end_time: datetime
    party_size: int
    status: Status
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
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    checked_in_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    cancelled_by: str | None
    source: Source
    metadata: dict[str, Any] | None
    command_id: UUID
    content_hash: str
    request_hash: str
    idempotency_key_hash: str | None
    principal_hash: str
    input: InputShown
    sealed: SealedShown
    changed_by: str
    from_status: Status | None = None
    to_status: Status | None = None
    changes: Annotated[
        dict[str, tuple[Any, Any]] | None, Field(description="Field to [old, new].")
    ] = None


class EventShown(_Shown):
    """One event; consumers must ignore fields that they do not know."""

    model_config = ConfigDict(title="Event")

    event_id: UUID
    event_type: EventType
    timestamp: datetime
    source: Literal["booking-reservation-service"]
    version: Literal["1.0"]
    payload: EventPayload


class GuestErased(_Shown):
    """Nothing personal of the guest can be read any more."""

    guest_id: UUID
    erased_at: datetime


class BookingPage(_Shown):
    """Some of a list; `next_cursor` is null at its end."""

    items: list[BookingShown]
    next_cursor: str | None


class HistoryEntry(_Shown):
    """One change of a booking's status."""

    from_status: Status | None
    to_status: Status
    changed_by: str
    reason: str | None
    version: int
    created_at: datetime


class BookingHistory(_Shown):
    """All changes of a booking's status, oldest first."""

    items: list[HistoryEntry]


class Conflict(_Shown):
    """A time at which the unit is taken; by whom is nobody's business."""

    starts_at: datetime
    ends_at: datetime
    inventory_item_id: str | None


class InventoryAnswer(_Shown):
    """What the inventory service says."""

    available: bool
    inventory_item_id: str | None
    reason: str | None


class PriceEstimate(_Shown):
    """What it would cost, and who says so."""

    estimated_price: Money
    currency: str
    source: str


class Availability(_Shown):
    """Whether a create would find room; `reasons` are the codes it would be refused with."""

    available: bool
    reasons: list[str]
    conflicts: list[Conflict]
    inventory: InventoryAnswer
    price_estimate: PriceEstimate | None
    checked_at: datetime
