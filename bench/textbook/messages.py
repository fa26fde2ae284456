"""What comes in, and what is said instead of a booking."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Wish(BaseModel):
    """What a guest asks for."""

    model_config = ConfigDict(extra="forbid")

    venue_id: UUID
    venue_type: Literal["hotel", "restaurant", "cafe", "retail"]
    venue_name: str | None = None
    venue_time_zone: str | None = None
    booking_time: AwareDatetime
    duration_minutes: Annotated[int, Field(ge=1)] = 120
    party_size: Annotated[int, Field(ge=1, le=100)]
    inventory_item_id: str | None = None
    guest_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    special_requests: Annotated[str | None, Field(max_length=2000)] = None


class CreateBooking(BaseModel):
    """The message."""

    type: Literal["create_booking"]
    command_id: UUID
    idempotency_key: str | None = None
    data: Wish


class Refused(Exception):
    """What the guest is told instead of a booking."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
