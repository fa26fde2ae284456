"""Two workers whose queries remember for a minute: what has changed is never told as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from schemas.measures import CACHE_LOOKUPS
from tests.service.asking import book, events_of
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest
from tests.service.house import House, a_house
from tests.service.metrics import a_port, figure
from tests.service.waiting import until

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]
REMEMBERING = {
    "BOOKING_CACHE__AVAILABILITY_SECONDS": "60",
    "BOOKING_CACHE__REFERENCE_SECONDS": "60",
    "BOOKING_METRICS__HOST": "127.0.0.1",
}


PORTS = (a_port(), a_port())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres, workers=0) as made:
        for port in PORTS:
            made.new_worker(REMEMBERING | {"BOOKING_METRICS__PORT": str(port)}).start()
        await made.has_members(2)
        yield made


async def hits(cache: str) -> float:
    return sum([await figure(port, CACHE_LOOKUPS, cache=cache, result="hit") for port in PORTS])


async def test_availability_is_asked_once_until_the_venue_changes(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    create = a_create(venue, inventory_item_id=None)
    asked = {k: create[k] for k in ("venue_id", "venue_type", "booking_time", "party_size")}

    def checks() -> int:
        ledger = house.partners.inventory.ledger()
        return sum(
            call["call"] == "check-availability" and call["body"]["venue_id"] == venue
            for call in ledger
        )

    async def is_remembered() -> bool:
        before = await hits("availability")
        await house.client.query(guest, "check_availability", asked)
        return await hits("availability") > before

    await until(is_remembered)
    assert (asked_before := checks())
    for _ in range(10):
        assert (await house.client.query(guest, "check_availability", asked)).data["available"]
    assert checks() - asked_before <= 1, "the other worker may not have asked yet"
    await book(house, guest, venue)
    before = checks()

    async def is_asked_again() -> bool:
        await house.client.query(guest, "check_availability", asked)
        return checks() > before

    await until(is_asked_again, within_seconds=20)


async def test_a_booking_by_its_reference_is_never_older_than_its_event_for_long(
    house: House,
) -> None:
    guest = a_guest()
    booking = await book(house, guest)
    by_reference = {"booking_reference": booking["booking_reference"]}

    async def is_remembered() -> bool:
        before = await hits("reference")
        await house.client.query(guest, "get_booking_by_reference", by_reference)
        return await hits("reference") > before

    await until(is_remembered)
    change = {"booking_id": booking["id"], "expected_version": 1, "party_size": 3}
    changed = (await house.client.command(guest, "update_booking", change)).data
    for _ in range(5):
        known = by_reference | {"known_version": changed["version"]}
        reply = await house.client.query(guest, "get_booking_by_reference", known)
        assert reply.data["version"] == changed["version"]
    await events_of(house, booking["id"], 2)

    async def all_tell_it() -> bool:
        versions = [
            (await house.client.query(guest, "get_booking_by_reference", by_reference)).data
            for _ in range(8)
        ]
        return {each["version"] for each in versions} == {changed["version"]}

    await until(all_tell_it, within_seconds=20)
