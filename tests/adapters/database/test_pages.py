"""Lists of bookings: the latest first, page after page, whatever is inserted meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.dialects import postgresql

from adapters.database.documents import Documents
from adapters.database.pages import Pages
from domain.booking import Booking
from domain.lifecycle import Status
from domain.queries import Listing, ListVenueBookings
from handlers.ports import GuestPage, Page, VenuePage
from schemas.envelope import RawQuery, parse_query
from schemas.queries import build_query, cursor_of
from tests.adapters.database.lane import Lane, another_booking
from tests.builders import TOMORROW, a_contact, a_slot, a_venue


def day(number: int) -> timedelta:
    return timedelta(days=number)


def on(number: int, **fields: Any) -> Booking:
    return another_booking(slot=a_slot(TOMORROW + day(number)), **fields)


async def written(lane: Lane, *bookings: Booking) -> list[UUID]:
    for booking in bookings:
        await lane.recorded(booking)
    return [booking.id for booking in bookings]


async def venue_ids(lane: Lane, listing: Listing) -> list[UUID]:
    return [booking.id for booking in await found(lane, VenuePage(a_venue().id, listing))]


async def found(lane: Lane, page: Page) -> Sequence[Booking]:
    return (await lane.database.reads.pages([page]))[page]


async def test_the_latest_start_comes_first_then_the_lower_id(lane: Lane) -> None:
    same = sorted([on(2), on(2), on(2)], key=lambda booking: booking.id)
    first, last = on(3), on(1)
    await written(lane, same[1], last, same[2], first, same[0])
    assert await venue_ids(lane, Listing(10)) == [
        each.id for each in (first, same[0], same[1], same[2], last)
    ]


async def test_a_page_tells_by_one_more_that_there_is_a_next(lane: Lane) -> None:
    await written(lane, *(on(number) for number in range(4)))
    assert len(await venue_ids(lane, Listing(2))) == 3
    assert len(await venue_ids(lane, Listing(4))) == 4


async def test_pages_neither_repeat_nor_skip_while_others_book(lane: Lane) -> None:
    expected = sorted(
        [on(number // 3) for number in range(10)],
        key=lambda booking: (-booking.slot.starts_at.timestamp(), booking.id),
    )
    await written(lane, *expected)
    seen: list[UUID] = []
    after = None
    for new in (on(9), on(8), on(7), on(6)):
        page = await found(lane, VenuePage(a_venue().id, Listing(3, after)))
        seen += [each.id for each in page[:3]]
        after = (page[:3][-1].slot.starts_at, page[:3][-1].id)
        await written(lane, new)
    assert seen == [each.id for each in expected]


async def test_a_status_and_a_half_open_time_narrow_the_list(lane: Lane) -> None:
    pending = [on(number) for number in range(4)]
    confirmed = on(2, status=Status.CONFIRMED, version=1, expires_at=None)
    await written(lane, *pending, confirmed)
    page = Listing(
        10, starts_from=TOMORROW + day(1), starts_before=TOMORROW + day(3), status=Status.PENDING
    )
    assert await venue_ids(lane, page) == [pending[2].id, pending[1].id]
    assert await venue_ids(lane, Listing(10, status=Status.CONFIRMED)) == [confirmed.id]
    assert await venue_ids(lane, Listing(10, status=Status.NO_SHOW)) == []


@pytest.mark.parametrize("offset", ["+23:59", "-23:59", "+16:00", "+00:00"])
async def test_bounds_may_be_written_with_any_offset(lane: Lane, offset: str) -> None:
    """PostgreSQL's text knows none of 16 hours and more, and one statement is for many pages."""
    bookings = [on(number) for number in range(4)]
    await written(lane, *bookings)
    zone = datetime.strptime(offset, "%z").tzinfo

    def there(number: int) -> datetime:
        return bookings[number].slot.starts_at.astimezone(zone)

    bounds = {"from": there(1).isoformat(), "to": there(3).isoformat()}
    cursor = {"cursor": cursor_of(there(2), bookings[2].id)}
    found = [await venue_ids(lane, listing_of(each)) for each in (bounds, cursor, bounds | cursor)]
    two, one, zero = (bookings[number].id for number in (2, 1, 0))
    assert found == [[two, one], [one, zero], [one]]


def listing_of(data: dict[str, str]) -> Listing:
    """As a query names it."""
    message = {"type": "list_venue_bookings", "query_id": str(uuid4())}
    value = json.dumps(message | {"data": {"venue_id": str(a_venue().id), **data}}).encode()
    raw = parse_query(value)
    assert isinstance(raw, RawQuery)
    query = build_query(raw)
    assert isinstance(query, ListVenueBookings)
    return query.listing


async def test_a_guest_sees_all_of_theirs_and_a_business_only_its_venues(lane: Lane) -> None:
    guest, here, there = a_contact(guest_id=uuid4()), a_venue(id=uuid4()), a_venue(id=uuid4())
    bookings = [on(2, contact=guest, venue=here), on(1, contact=guest, venue=there), on(3)]
    await written(lane, *bookings)

    async def listed(venues: frozenset[UUID] | None) -> list[UUID]:
        page = GuestPage(guest.guest_id, Listing(10), venues)
        return [booking.id for booking in await found(lane, page)]

    assert await listed(None) == [bookings[0].id, bookings[1].id]
    assert await listed(frozenset({there.id, uuid4()})) == [bookings[1].id]
    assert await listed(frozenset()) == []


@pytest.mark.parametrize("limit", [1, 100])
async def test_a_venue_without_bookings_has_an_empty_page(lane: Lane, limit: int) -> None:
    assert await venue_ids(lane, Listing(limit)) == []


async def test_many_pages_of_all_kinds_come_together_each_with_its_own(lane: Lane) -> None:
    guest, here, there = a_contact(guest_id=uuid4()), a_venue(id=uuid4()), a_venue(id=uuid4())
    one, two, three = bookings = [
        on(1, contact=guest, venue=here),
        on(2, contact=guest, venue=there),
        on(3, venue=there),
    ]
    await written(lane, *bookings)
    pages: dict[Page, list[UUID]] = {
        GuestPage(guest.guest_id, Listing(10)): [two.id, one.id],
        GuestPage(guest.guest_id, Listing(10, status=Status.PENDING)): [two.id, one.id],
        GuestPage(guest.guest_id, Listing(10, status=Status.CONFIRMED)): [],
        GuestPage(guest.guest_id, Listing(10), frozenset({here.id})): [one.id],
        GuestPage(guest.guest_id, Listing(10, starts_from=two.slot.starts_at)): [two.id],
        VenuePage(there.id, Listing(10)): [three.id, two.id],
        VenuePage(there.id, Listing(10, after=(three.slot.starts_at, three.id))): [two.id],
        VenuePage(there.id, Listing(10, status=Status.PENDING)): [three.id, two.id],
        VenuePage(there.id, Listing(10, status=Status.NO_SHOW)): [],
        VenuePage(uuid4(), Listing(10)): [],
    }
    answers = await lane.database.reads.pages(list(pages))
    assert {page: [each.id for each in found] for page, found in answers.items()} == pages


async def test_more_than_one_statement_should_hold_comes_in_several(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.database.pages.MOST_ROWS", 5)
    bookings = [on(number, venue=a_venue(id=uuid4())) for number in range(7)]
    await written(lane, *bookings)
    pages = [VenuePage(each.venue.id, Listing(1)) for each in bookings]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    statements = Pages(Documents(dialect)).statements(pages)
    assert [len(some) for _, some in statements] == [2, 2, 2, 1]
    answers = await lane.database.reads.pages(pages)
    assert [[each.id for each in answers[page]] for page in pages] == [[b.id] for b in bookings]
