"""What somebody wants to know: queries as values, parsed once at the edge and never checked again.

`check_availability` needs the partners, so it is a workflow's and stands with the commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from domain.commands import CheckAvailability
from domain.lifecycle import Status


@dataclass(frozen=True, slots=True)
class GetBooking:
    """`known_version` is one that the asker has seen; 0: none. The answer is no older, where
    the service has that version at all.
    """

    query_id: UUID
    booking_id: UUID
    known_version: int = 0


@dataclass(frozen=True, slots=True)
class GetBookingByReference:
    query_id: UUID
    booking_reference: str
    known_version: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """Which bookings of a list, and how many; `after` is where the last page ended.

    All times in UTC, as in a slot: one that is written with an offset may be none that a database
    reads.
    """

    limit: int = 100
    after: tuple[datetime, UUID] | None = None
    status: Status | None = None
    starts_from: datetime | None = None  # inclusive
    starts_before: datetime | None = None  # exclusive

    def __post_init__(self) -> None:
        for name in ("starts_from", "starts_before"):
            if (at := getattr(self, name)) is not None:
                object.__setattr__(self, name, at.astimezone(UTC))
        if self.after is not None:
            last_start, last_id = self.after
            object.__setattr__(self, "after", (last_start.astimezone(UTC), last_id))


@dataclass(frozen=True, slots=True)
class ListGuestBookings:
    query_id: UUID
    guest_id: UUID
    listing: Listing


@dataclass(frozen=True, slots=True)
class ListVenueBookings:
    query_id: UUID
    venue_id: UUID
    listing: Listing


@dataclass(frozen=True, slots=True)
class GetBookingHistory:
    query_id: UUID
    booking_id: UUID
    known_version: int = 0


Query = (
    GetBooking
    | GetBookingByReference
    | ListGuestBookings
    | ListVenueBookings
    | GetBookingHistory
    | CheckAvailability
)
