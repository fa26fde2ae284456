"""What the queries of a batch look up, one statement a kind, and what each is shown of it.

A row that cannot be read costs those who asked for it their answer: what was asked for together is
then asked for in halves, until that row is alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from domain.booking import Booking
from domain.commands import CheckAvailability
from domain.permissions import Operation, can_reach, sees_notes, venues_shown
from domain.principal import Principal
from domain.queries import (
    GetBooking,
    GetBookingByReference,
    GetBookingHistory,
    ListGuestBookings,
    ListVenueBookings,
    Query,
)
from domain.refusal import Code, Refusal
from handlers.ports import (
    BookingReads,
    CannotRead,
    GuestPage,
    HistoryRow,
    Page,
    PromiseBroken,
    VenuePage,
)
from schemas.booking import booking_json
from schemas.query_answers import page_json, status_change_json

_log = structlog.get_logger(__name__)

_NOT_FOUND: Final = Refusal(Code.BOOKING_NOT_FOUND, "There is no such booking.")
FAILED: Final = Refusal(Code.INTERNAL_ERROR, "The service failed on this query.")

Answer = Mapping[str, Any] | Refusal
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid query, and whether this role may ask it."""

    query: Query
    principal: Principal
    sent: datetime
    trace: Mapping[str, str]
    forbidden: Refusal | None
    bookings: list[Booking] = field(default_factory=list)  # shown, or kept from who may not see


@dataclass(frozen=True, slots=True)
class Found:
    """What the batch's statements brought for its look-ups, and of what cannot be read why not."""

    bookings: Mapping[UUID, Booking | CannotRead]
    by_reference: Mapping[str, Booking | CannotRead]
    histories: Mapping[UUID, Sequence[HistoryRow] | CannotRead]
    pages: Mapping[Page, Sequence[Booking] | CannotRead]


async def look_up(reads: BookingReads, asked: Sequence[Asked]) -> Found:
    """For those that may be answered. Raises DatabaseAway."""
    queries = [one.query for one in asked]
    ids = _newest(
        (q.booking_id, q.known_version)
        for q in queries
        if isinstance(q, GetBooking | GetBookingHistory)
    )
    references = _newest(
        (q.booking_reference, q.known_version)
        for q in queries
        if isinstance(q, GetBookingByReference)
    )
    pages = {page for one in asked if (page := _page_of(one)) is not None}
    bookings = await of_each(list(ids), lambda some: reads.bookings(some, ids))
    by_reference = await of_each(
        list(references), lambda some: reads.bookings_by_reference(some, references)
    )
    pasts = {
        q.booking_id
        for q in queries
        if isinstance(q, GetBookingHistory) and q.booking_id in bookings
    }
    histories = await of_each(list(pasts), lambda some: reads.histories(some, ids))
    listed = await of_each(list(pages), reads.pages) if pages else {}
    return Found(bookings, by_reference, histories, listed)


async def of_each(
    keys: Sequence[K], ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]
) -> Mapping[K, V | CannotRead]:
    """What is asked for together, as long as all of it can be read."""
    if not keys:
        return {}
    try:
        return await ask(keys)
    except CannotRead as error:
        if len(keys) == 1:
            return {keys[0]: error}
    middle = len(keys) // 2
    return {**await of_each(keys[:middle], ask), **await of_each(keys[middle:], ask)}


def _read(found: Mapping[K, V | CannotRead], key: K) -> V | None:
    """None where there is no such thing. Raises CannotRead."""
    one = found.get(key)
    if isinstance(one, CannotRead):
        raise one
    return one


def answer_of(asked: Asked | Refusal, found: Found) -> Answer:
    """To a look-up, or why there is none."""
    if isinstance(asked, Refusal):
        return asked
    if asked.forbidden is not None:
        return asked.forbidden
    try:
        return _answer_valid(asked, found)
    except Exception:  # noqa: BLE001 - a bug in one query must not take its neighbours with it
        _log.exception("query failed", query_id=str(asked.query.query_id))
        return FAILED


def _answer_valid(asked: Asked, found: Found) -> Answer:
    match asked.query:
        case GetBooking(booking_id=booking_id):
            return _shown(asked, _read(found.bookings, booking_id))
        case GetBookingByReference(booking_reference=reference):
            return _shown(asked, _read(found.by_reference, reference))
        case GetBookingHistory(booking_id=booking_id):
            return _history(asked, _read(found.bookings, booking_id), found)
        case ListGuestBookings(listing=listing) | ListVenueBookings(listing=listing):
            return _listed(listing.limit, asked, found)
        case CheckAvailability():
            raise PromiseBroken("a query for availability came to be looked up")


def _history(asked: Asked, booking: Booking | None, found: Found) -> Answer:
    if booking is None or not _may_see(asked, Operation.HISTORY, booking):
        return _NOT_FOUND
    rows = _read(found.histories, booking.id) or ()
    return {"items": [status_change_json(row.change, row.version, row.created_at) for row in rows]}


def _page_of(asked: Asked) -> Page | None:
    """What a list's query asks for; a business sees a guest's bookings at its own venues."""
    match asked.query:
        case ListGuestBookings(guest_id=guest_id, listing=listing):
            seen = venues_shown(asked.principal, Operation.LIST_GUEST)
            return GuestPage(guest_id, listing, seen)
        case ListVenueBookings(venue_id=venue_id, listing=listing):
            return VenuePage(venue_id, listing)
        case _:
            return None


def _listed(limit: int, asked: Asked, found: Found) -> Answer:
    page = _page_of(asked)
    bookings = (page and _read(found.pages, page)) or ()
    shown = page_json(bookings, limit, with_notes=sees_notes(asked.principal))
    asked.bookings.extend(bookings[: len(shown["items"])])
    return shown


def _may_see(asked: Asked, operation: Operation, booking: Booking) -> bool:
    asked.bookings.append(booking)
    return can_reach(asked.principal, operation, booking)


def _shown(asked: Asked, booking: Booking | None) -> Answer:
    if booking is None or not _may_see(asked, Operation.GET, booking):
        return _NOT_FOUND
    return booking_json(booking, with_notes=sees_notes(asked.principal))


def _newest(asked: Iterable[tuple[K, int]]) -> dict[K, int]:
    """What is asked for, once each, with the highest version that somebody knows of it."""
    found: dict[K, int] = {}
    for key, version in asked:
        found[key] = max(version, found.get(key, 0))
    return found
