"""Lists of bookings: the latest first, page after page, whatever is inserted meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.booking import Booking
from domain.lifecycle import Status
from domain.queries import Listing
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


async def venue_ids(lane: Lane, page: Listing) -> list[UUID]:
    found = await lane.database.reads.venue_bookings(a_venue().id, page)
    return [booking.id for booking in found]


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
        page = await lane.database.reads.venue_bookings(a_venue().id, Listing(3, after))
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


async def test_a_guest_sees_all_of_theirs_and_a_business_only_its_venues(lane: Lane) -> None:
    guest, here, there = a_contact(guest_id=uuid4()), a_venue(id=uuid4()), a_venue(id=uuid4())
    bookings = [on(2, contact=guest, venue=here), on(1, contact=guest, venue=there), on(3)]
    await written(lane, *bookings)

    async def listed(venues: frozenset[UUID] | None) -> list[UUID]:
        found = await lane.database.reads.guest_bookings(guest.guest_id, Listing(10), venues)
        return [booking.id for booking in found]

    assert await listed(None) == [bookings[0].id, bookings[1].id]
    assert await listed(frozenset({there.id, uuid4()})) == [bookings[1].id]
    assert await listed(frozenset()) == []


@pytest.mark.parametrize("limit", [1, 100])
async def test_a_venue_without_bookings_has_an_empty_page(lane: Lane, limit: int) -> None:
    assert await venue_ids(lane, Listing(limit)) == []
