"""Three workers count together: of one guest's flood exactly so much is done as is allowed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest, an_admin
from tests.service.client import Reply
from tests.service.house import House, a_house
from tests.service.invariants import check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

CREATES, READS = 17, 23
SETTINGS = {
    "BOOKING_LIMITS__WINDOW_SECONDS": "86400",  # a day: it hardly ends in the middle of a test
    "BOOKING_LIMITS__GUEST__CREATE": str(CREATES),
    "BOOKING_LIMITS__GUEST__READ": str(READS),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limiting_workers(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres, workers=3, settings=SETTINGS) as house:
        await house.has_members(3)
        yield house
        await check(house)


async def test_of_one_guests_creates_everywhere_exactly_so_many_are_accepted(
    limiting_workers: House,
) -> None:
    house, guest, other = limiting_workers, a_guest(), a_guest()
    create = house.client.command
    # At their homes, in all lanes, and half of them sent to another partition first.
    flood = [
        create(guest, "create_booking", a_create(), partition=number % 12 if number % 2 else None)
        for number in range(60)
    ]
    calm = [create(other, "create_booking", a_create()) for _ in range(CREATES)]
    replies = await asyncio.gather(*flood)
    outcomes = Counter(code_of(reply) for reply in replies)
    assert outcomes == {"accepted": CREATES, "rate_limited": 60 - CREATES}
    for reply in replies:
        assert reply.status in {201, 429}
        if reply.status == 429:
            assert 1 <= reply.error["retry_after_seconds"] <= 86_400
            assert reply.error["retryable"] is True
    assert {reply.status for reply in await asyncio.gather(*calm)} == {201}
    mine = await house.rows(
        "select count(*) as n from bookings where guest_id = cast($1 as text)::uuid", guest.sub
    )
    assert mine == [{"n": CREATES}]


async def test_of_one_guests_reads_exactly_so_many_are_answered(limiting_workers: House) -> None:
    house, guest = limiting_workers, a_guest()
    asking = [
        house.client.query(guest, "list_guest_bookings", {"guest_id": guest.sub}) for _ in range(50)
    ]
    outcomes = Counter(code_of(reply) for reply in await asyncio.gather(*asking))
    assert outcomes == {"accepted": READS, "rate_limited": 50 - READS}
    admin = an_admin()
    listing = {"venue_id": a_venue()}
    seen = [await house.client.query(admin, "list_venue_bookings", listing) for _ in range(3)]
    assert {reply.status for reply in seen} == {200}


def code_of(reply: Reply) -> str:
    return "accepted" if reply.body["error"] is None else reply.code
