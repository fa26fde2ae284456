"""Queries: what their `data` may hold, and the domain's values that they become."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain import queries
from domain.commands import CheckAvailability
from domain.queries import Listing, Query
from domain.refusal import FieldError, Refusal
from schemas.envelope import RawQuery
from schemas.field_errors import field_errors, invalid, unknown_field
from schemas.fields import (
    Data,
    Id,
    Instant,
    Item,
    Minutes,
    PartySize,
    StatusWord,
    TimeZone,
    VenueWord,
    Version,
    instant,
    text,
)
from schemas.slots import slot_of


def build_query(raw: RawQuery) -> Query | Refusal:
    """The query, or `validation_failed` with every field that is wrong."""
    errors = list(map(unknown_field, raw.unknown))
    if raw.data is None:
        return invalid([*errors, FieldError("data", "is required")])
    model, build = _QUERIES[raw.type]
    try:
        data = model.model_validate(raw.data)
    except ValidationError as error:
        return invalid([*errors, *field_errors(error, "data")])
    if errors:
        return invalid(errors)
    built = build(raw.query_id, data)
    return invalid([built]) if isinstance(built, FieldError) else built


def cursor_of(booking_time: datetime, booking_id: UUID) -> str:
    """Where a page ended, as opaque text for the client to send back."""
    return urlsafe_b64encode(f"{booking_time.isoformat()}/{booking_id}".encode()).decode()


def _cursor(value: object) -> tuple[datetime, UUID]:
    try:
        text_ = value[:_MAX_CURSOR] if isinstance(value, str) else ""
        at, _, id_ = urlsafe_b64decode(text_).decode().partition("/")
        return instant(at), UUID(id_)
    except ValueError:
        raise PydanticCustomError("cursor", "must be a next_cursor of an earlier reply") from None


_MAX_CURSOR: Final = 200


class GetBookingData(Data):
    """One booking, by its id."""

    booking_id: Id
    known_version: Version | None = None


class GetBookingByReferenceData(Data):
    """One booking, by its reference; upper and lower case are the same."""

    booking_reference: Annotated[str, text(1, 64)]
    known_version: Version | None = None


class ListingData(Data):
    """Latest `booking_time` first, from `from` to just before `to`."""

    status: StatusWord | None = None
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    cursor: (
        Annotated[
            tuple[datetime, UUID], PlainValidator(_cursor), WithJsonSchema({"type": "string"})
        ]
        | None
    ) = None

    def listing(self) -> Listing:
        """The same, in the domain's words."""
        return Listing(self.limit, self.cursor, self.status, self.from_, self.to)


class ListGuestBookingsData(ListingData):
    """A guest's bookings."""

    guest_id: Id


class ListVenueBookingsData(ListingData):
    """A venue's bookings."""

    venue_id: Id


class GetBookingHistoryData(Data):
    """Every change of a booking's status, oldest first."""

    booking_id: Id
    known_version: Version | None = None


class CheckAvailabilityData(Data):
    """Whether a create with the same fields would find room now, and at which price."""

    venue_id: Id
    venue_type: VenueWord
    booking_time: Instant
    party_size: PartySize
    duration_minutes: Minutes | None = None
    end_time: Instant | None = None
    inventory_item_id: Item | None = None
    venue_time_zone: TimeZone | None = None


def _check_availability(query_id: UUID, data: CheckAvailabilityData) -> Query | FieldError:
    timed = slot_of(data)
    if isinstance(timed, FieldError):
        return timed
    slot, booking_date = timed
    return CheckAvailability(
        query_id,
        data.venue_id,
        data.venue_type,
        slot,
        booking_date,
        data.party_size,
        data.inventory_item_id,
    )


_QUERIES: Final[dict[str, tuple[type[Data], Callable[[UUID, Any], Query | FieldError]]]] = {
    "get_booking": (
        GetBookingData,
        lambda id_, data: queries.GetBooking(id_, data.booking_id, data.known_version or 0),
    ),
    "get_booking_by_reference": (
        GetBookingByReferenceData,
        lambda id_, data: queries.GetBookingByReference(
            id_, data.booking_reference.upper(), data.known_version or 0
        ),
    ),
    "list_guest_bookings": (
        ListGuestBookingsData,
        lambda id_, data: queries.ListGuestBookings(id_, data.guest_id, data.listing()),
    ),
    "list_venue_bookings": (
        ListVenueBookingsData,
        lambda id_, data: queries.ListVenueBookings(id_, data.venue_id, data.listing()),
    ),
    "get_booking_history": (
        GetBookingHistoryData,
        lambda id_, data: queries.GetBookingHistory(id_, data.booking_id, data.known_version or 0),
    ),
    "check_availability": (CheckAvailabilityData, _check_availability),
}
QUERY_DATA: Final[dict[str, type[Data]]] = {name: model for name, (model, _) in _QUERIES.items()}
