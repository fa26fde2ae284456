"""Lists: latest first, page by page, each role within its reach."""

from __future__ import annotations

import pytest

from app.demo.partners.faults import Fault, Kind
from tests.service.asking import book, failing
from tests.service.builders import a_create, a_venue, in_hours
from tests.service.callers import Caller, a_guest, a_manager, an_admin
from tests.service.house import House
from tests.service.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_list_is_read_page_by_page_while_others_book(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    ids = [
        (await book(house, guest, venue, booking_time=in_hours(48 + 3 * number)))["id"]
        for number in range(5)
    ]
    asked = {"guest_id": guest.sub, "limit": 2}
    seen: list[str] = []
    cursor = None
    while True:
        data = asked if cursor is None else {**asked, "cursor": cursor}
        page = (await house.client.query(guest, "list_guest_bookings", data)).data
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
        await book(house, guest, venue, booking_time=in_hours(100 + 3 * len(seen)))
    assert seen == ids[::-1], "latest booking_time first, whatever came meanwhile"


async def test_a_list_of_long_bookings_is_answered_whatever_its_limit(house: House) -> None:
    venue = a_venue()
    manager = a_manager(venue)
    long = {
        "source": "phone",
        "special_requests": "\u96e8" * 2_000,
        "internal_notes": "\u96ea" * 2_000,
    }
    sent = [
        await house.client.send_command(
            manager,
            "create_booking",
            a_create(venue, booking_time=in_hours(48 + 2 * number), **long),
        )
        for number in range(90)
    ]
    made = {(await house.client.reply_to_sent(each)).data["id"] for each in sent}
    seen: list[str] = []
    cursor = None
    while not seen or cursor:
        asked = {"venue_id": venue, "limit": 100} | ({"cursor": cursor} if cursor else {})
        page = await house.client.query(manager, "list_venue_bookings", asked)
        assert len(page.record.value or b"") < 600_000
        seen += [item["id"] for item in page.data["items"]]
        cursor = page.data["next_cursor"]
    assert (len(seen), set(seen)) == (90, made)


async def test_lists_are_filtered(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    ended = await book(house, guest, venue)
    await house.client.command(guest, "cancel_booking", {"booking_id": ended["id"]})
    later = await book(house, guest, venue, booking_time=in_hours(72))

    async def listed(**filters: str) -> list[str]:
        reply = await house.client.query(
            a_manager(venue), "list_venue_bookings", {"venue_id": venue, **filters}
        )
        return [item["id"] for item in reply.data["items"]]

    assert await listed() == [later["id"], ended["id"]]
    assert await listed(status="cancelled") == [ended["id"]]
    assert await listed(**{"from": in_hours(60)}) == [later["id"]]
    assert await listed(to=in_hours(60)) == [ended["id"]]


async def test_a_guests_list_shows_a_manager_their_own_venues_alone(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    here = await book(house, guest, venue)
    elsewhere = await book(house, guest)
    asked = {"guest_id": guest.sub}

    async def listed(caller: Caller) -> set[str]:
        reply = await house.client.query(caller, "list_guest_bookings", asked)
        return {item["id"] for item in reply.data["items"]}

    assert await listed(a_manager(venue)) == {here["id"]}
    assert await listed(an_admin()) == {here["id"], elsewhere["id"]}


async def test_an_estimate_is_null_while_pricing_is_away(house: House) -> None:
    create = a_create()
    asked = {
        name: create[name] for name in ("venue_id", "venue_type", "booking_time", "party_size")
    }
    with failing(house.partners.pricing, Fault(Kind.ERROR, "estimate", times=None)):
        reply = await house.client.query(a_guest(), "check_availability", asked)
    assert reply.data["available"] is True
    assert reply.data["price_estimate"] is None


async def test_a_question_does_not_wait_behind_commands(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    booking = await book(house, guest)
    slow = Fault(Kind.LATENCY, "reserve", {"venue_id": venue}, seconds=0.9)
    with failing(house.partners.inventory, slow):
        sent = await house.client.send_command(guest, "create_booking", a_create(venue))
        await until(lambda: is_met(house))
        found = await house.client.query(guest, "get_booking", {"booking_id": booking["id"]})
        assert found.status == 200
        assert sent.correlation_id is not None
        assert not house.feed.answers_to(sent.correlation_id), "the command is still in hand"
    assert (await house.client.reply_to_sent(sent)).status == 201


async def is_met(house: House) -> bool:
    """Whether the fault that was ordered has met its call."""
    return not house.partners.inventory.faults
