"""The textbook worker's tables, as ORM classes in a schema of their own."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Numeric, Select, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What they share."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        datetime: DateTime(timezone=True),
        Decimal: Numeric(12, 2),
        dict[str, Any]: JSONB,
    }


class Slot(Protocol):
    """What a booking's place and time are told by."""

    venue_id: UUID
    inventory_item_id: str | None
    booking_time: datetime


class Booking(Base):
    """A booking."""

    __tablename__ = "bookings"
    __table_args__ = (
        Index("textbook_by_venue", "venue_id", "booking_time"),
        {"schema": "textbook"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_reference: Mapped[str] = mapped_column(unique=True)
    guest_id: Mapped[UUID] = mapped_column(index=True)
    guest_name: Mapped[str | None]
    guest_email: Mapped[str | None]
    guest_phone: Mapped[str | None]
    venue_id: Mapped[UUID]
    venue_type: Mapped[str]
    venue_name: Mapped[str | None]
    venue_time_zone: Mapped[str | None]
    booking_time: Mapped[datetime]
    duration_minutes: Mapped[int]
    end_time: Mapped[datetime]
    party_size: Mapped[int]
    status: Mapped[str]
    version: Mapped[int]
    base_price: Mapped[Decimal]
    tax_amount: Mapped[Decimal]
    discount_amount: Mapped[Decimal]
    total_price: Mapped[Decimal]
    currency: Mapped[str]
    payment_intent_id: Mapped[str | None]
    payment_status: Mapped[str]
    inventory_reservation_id: Mapped[str]
    inventory_item_id: Mapped[str | None]
    special_requests: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]

    @classmethod
    def overlapping(cls, slot: Slot, end: datetime) -> Select[UUID]:
        """Those that hold the same unit, or the whole venue, at that time."""
        found = select(cls.id).where(
            cls.venue_id == slot.venue_id,
            cls.status.in_(("pending", "confirmed", "checked_in")),
            cls.booking_time < end,
            cls.end_time > slot.booking_time,
        )
        if slot.inventory_item_id is not None:
            item = cls.inventory_item_id
            found = found.where(item.is_(None) | (item == slot.inventory_item_id))
        return found.limit(1)

    def as_json(self) -> dict[str, Any]:
        return {column.key: _plain(getattr(self, column.key)) for column in self.__table__.columns}


class History(Base):
    """What became of a booking."""

    __tablename__ = "booking_history"
    __table_args__ = ({"schema": "textbook"},)

    booking_id: Mapped[UUID] = mapped_column(ForeignKey(Booking.id), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    to_status: Mapped[str]
    created_at: Mapped[datetime]


class Key(Base):
    """An idempotency key, with what was answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = ({"schema": "textbook"},)

    guest_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    reply: Mapped[dict[str, Any]]


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
