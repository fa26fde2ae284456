"""Three workers share the partitions: races between them, and one of them frozen or killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

import pytest

from app.demo.partners.faults import Fault, Kind
from tests.service.asking import failing
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest
from tests.service.client import Reply
from tests.service.house import House
from tests.service.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def creates(house: House, venues: Iterable[str]) -> list[Reply]:
    """The replies to a create at each of these venues, all at once and so in all lanes."""
    return await asyncio.gather(
        *(house.client.command(a_guest(), "create_booking", a_create(venue)) for venue in venues)
    )


def venues(count: int) -> list[str]:
    return [a_venue() for _ in range(count)]


async def test_of_forty_creates_for_one_slot_exactly_one_gets_it(three_workers: House) -> None:
    house, create = three_workers, a_create(a_venue())
    replies = await asyncio.gather(
        *(
            house.client.command(
                a_guest(),
                "create_booking",
                create,
                idempotency_key=f"key-{random.random()}",
                partition=random.randrange(12),
            )
            for _ in range(40)
        )
    )
    outcomes = Counter(
        reply.body["error"]["code"] if reply.body["error"] else "" for reply in replies
    )
    assert outcomes == {"": 1, "slot_unavailable": 39}
    standing = house.partners.inventory.service.state()["reservations"]
    assert len([hold for hold in standing if hold["venue_id"] == create["venue_id"]]) == 1


async def test_a_frozen_worker_that_wakes_after_its_session_does_nothing_twice(
    three_workers: House,
) -> None:
    house = three_workers
    await creates(house, venues(24))
    frozen, begun = house.workers[0], venues(24)
    slow = Fault(Kind.LATENCY, "reserve", times=None, seconds=0.5)
    with failing(house.partners.inventory, slow):
        working = asyncio.create_task(creates(house, begun))
        await until(lambda: checked(house, begun))
        frozen.freeze()
        try:
            await house.has_members(2)
            replies = await working
        finally:
            frozen.wake()
    assert {reply.status for reply in replies} == {201}, "the others took over what it had in hand"
    await house.has_members(3)
    assert {reply.status for reply in await creates(house, venues(24))} == {201}
    assert frozen.lives


async def checked(house: House, wanted: list[str]) -> bool:
    """Whether all of these creates are so far that they reserve next."""
    calls = house.partners.inventory.ledger()
    seen = {call["body"]["venue_id"] for call in calls if call["call"] == "check-availability"}
    return seen.issuperset(wanted)


async def test_workers_killed_at_random_moments_lose_and_double_nothing(
    three_workers: House,
) -> None:
    house = three_workers
    working = asyncio.create_task(stream(house))
    for worker in house.workers[1:]:
        await asyncio.sleep(random.uniform(0.0, 1.0))  # the moment is what is tried
        worker.kill()
        worker.start()
    assert {reply.status for reply in await working} == {201}


async def stream(house: House) -> list[Reply]:
    """The replies to 160 creates that come one after another for two seconds."""
    coming = []
    for venue in venues(160):
        coming.append(asyncio.create_task(creates(house, [venue])))
        await asyncio.sleep(2 / 160)
    return [reply for replies in await asyncio.gather(*coming) for reply in replies]
