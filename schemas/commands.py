"""What each command's `data` may hold, as pydantic models; schemas.building makes domain values."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from schemas.fields import (
    Amount,
    Attempt,
    Data,
    Email,
    Id,
    Instant,
    Item,
    Metadata,
    Minutes,
    Name,
    Notes,
    PartySize,
    Phone,
    Reason,
    SourceWord,
    StatusWord,
    TimeZone,
    Token,
    VenueWord,
    Version,
)


def _absent() -> Any:
    """The value of a field that may be left out but not be null."""
    return None


class CreateBookingData(Data):
    """A booking to be made; `duration_minutes` or `end_time`, else the venue type's own length."""

    venue_id: Id
    venue_type: VenueWord
    booking_time: Instant
    party_size: PartySize
    venue_name: Name | None = None
    venue_time_zone: TimeZone | None = None
    duration_minutes: Minutes | None = None
    end_time: Instant | None = None
    inventory_item_id: Item | None = None
    guest_id: Id | None = None
    guest_name: Name | None = None
    guest_email: Email | None = None
    guest_phone: Phone | None = None
    payment_method_id: Token | None = None
    special_requests: Notes | None = None
    internal_notes: Notes | None = None
    source: SourceWord | None = None
    metadata: Metadata | None = None


class UpdateBookingData(Data):
    """What is absent stays; null clears a field that a booking can be without."""

    booking_id: Id
    expected_version: Version
    booking_time: Instant = Field(default_factory=_absent)
    duration_minutes: Minutes = Field(default_factory=_absent)
    end_time: Instant = Field(default_factory=_absent)
    party_size: PartySize = Field(default_factory=_absent)
    inventory_item_id: Item | None = None
    guest_name: Name | None = None
    guest_email: Email | None = None
    guest_phone: Phone | None = None
    special_requests: Notes | None = None
    internal_notes: Notes | None = None
    metadata: Metadata | None = None


class CancelBookingData(Data):
    """`refund_amount` is in the booking's own currency; without it the venue's policy decides."""

    booking_id: Id
    expected_version: Version | None = None
    reason: Reason | None = None
    refund_amount: Amount | None = None


class UpdateBookingStatusData(Data):
    """`payment` only with `confirmed`."""

    booking_id: Id
    status: StatusWord
    expected_version: Version | None = None
    reason: Reason | None = None
    payment: Literal["at_venue"] | None = None


class EraseGuestData(Data):
    """Forget a guest: nothing personal of theirs can be read again; their bookings stay."""

    guest_id: Id


class ExpireBookingData(Data):
    """The service's own: a pending booking was not confirmed in time."""

    booking_id: Id
    expected_version: Version
    attempt: Attempt


class SettleUndoData(Data):
    """The service's own: carry out one thing that is still owed to a partner."""

    undo_id: Id
    booking_id: Id
    attempt: Attempt


class EndCommandData(Data):
    """The service's own: end a command that was started and will never be delivered again."""

    row_id: Id


COMMAND_DATA: Final[dict[str, type[Data]]] = {
    "create_booking": CreateBookingData,
    "update_booking": UpdateBookingData,
    "cancel_booking": CancelBookingData,
    "update_booking_status": UpdateBookingStatusData,
    "erase_guest": EraseGuestData,
    "expire_booking": ExpireBookingData,
    "settle_undo": SettleUndoData,
    "end_command": EndCommandData,
}
