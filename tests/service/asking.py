"""What tests ask for again and again, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.demo.partners.desk import Desk
from app.demo.partners.faults import Fault
from tests.service.builders import a_create
from tests.service.callers import Caller
from tests.service.client import Reply
from tests.service.feed import Seen
from tests.service.house import House
from tests.service.story import Event, event_of


async def book(
    house: House, guest: Caller, venue: str | None = None, **fields: Any
) -> dict[str, Any]:
    """A pending booking, as the reply shows it."""
    reply = await house.client.command(guest, "create_booking", a_create(venue, **fields))
    assert reply.status == 201
    return reply.data


async def book_and_pay(
    house: House, guest: Caller, venue: str | None = None, **fields: Any
) -> dict[str, Any]:
    """A confirmed booking, as the reply shows it."""
    booking = await book(house, guest, venue, **fields)
    return (await move(house, guest, booking["id"], "confirmed")).data


async def move(house: House, caller: Caller, booking: str, status: str, **fields: str) -> Reply:
    """The reply to an `update_booking_status`."""
    data = {"booking_id": booking, "status": status, **fields}
    return await house.client.command(caller, "update_booking_status", data)


async def events_of(house: House, booking: str, count: int) -> list[Event]:
    """The booking's events, once there are so many."""
    topic = f"{house.prefix}.events"

    def look() -> list[Seen]:
        own = [r for r in house.feed.records(topic) if r.key == booking.encode()]
        return own if len(own) >= count else []

    return [event_of(record) for record in await house.feed.until(look)]


@contextmanager
def failing(desk: Desk, fault: Fault) -> Iterator[None]:
    """This goes wrong at a partner while the block runs."""
    desk.faults.add(fault)
    try:
        yield
    finally:
        desk.faults.clear()
