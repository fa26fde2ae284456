"""Three workers share the partitions: races between them, and one of them frozen or killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from uuid import uuid4

import pytest

from app.demo.partners.faults import Fault, Kind
from tests.service.asking import book, failing
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest
from tests.service.client import Reply
from tests.service.house import House
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


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


async def test_one_key_sent_ten_times_to_anywhere_is_one_booking(three_workers: House) -> None:
    guest, create = a_guest(), a_create()
    replies = await asyncio.gather(
        *(
            three_workers.client.command(
                guest, "create_booking", create, idempotency_key="k", partition=number
            )
            for number in range(10)
        )
    )
    assert len({reply.record.value for reply in replies}) == 1
    assert [reply.is_replayed for reply in replies].count(True) == 9


async def test_a_key_that_meets_itself_across_venues_counts_once(three_workers: House) -> None:
    guest = a_guest()
    replies = await asyncio.gather(
        *(
            three_workers.client.command(
                guest, "create_booking", a_create(venue), idempotency_key="k"
            )
            for venue in venues(20)
        )
    )
    assert Counter(reply.status for reply in replies) == {201: 1, 409: 19}
    refusals = {reply.code for reply in replies if reply.status == 409}
    assert refusals == {"idempotency_key_reused"}


async def test_an_id_that_meets_itself_across_venues_counts_once(three_workers: House) -> None:
    guest, id_ = a_guest(), str(uuid4())
    replies = await asyncio.gather(
        *(
            three_workers.client.command(guest, "create_booking", a_create(venue), command_id=id_)
            for venue in venues(20)
        )
    )
    assert Counter(reply.status for reply in replies) == {201: 1, 409: 19}
    assert {reply.code for reply in replies if reply.status == 409} == {"command_id_reused"}


async def test_of_many_updates_of_one_version_exactly_one_is_made(three_workers: House) -> None:
    house, guest = three_workers, a_guest()
    booking = (await book(house, guest))["id"]
    replies = await asyncio.gather(
        *(
            house.client.command(
                guest,
                "update_booking",
                {"booking_id": booking, "expected_version": 1, "party_size": 3 + number},
                partition=number,
            )
            for number in range(12)
        )
    )
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 11}
    assert {reply.code for reply in replies if reply.status == 409} == {"version_conflict"}


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
    working = asyncio.create_task(stays(house))
    for worker in house.workers[1:]:
        await asyncio.sleep(random.uniform(0.0, 1.0))  # the moment is what is tried
        worker.kill()
        worker.start()
    assert await working == {201, 200}


async def stays(house: House) -> set[int]:
    """The statuses of all replies to 90 guests who come one after another for two seconds."""
    coming = []
    for number in range(90):
        coming.append(asyncio.create_task(stay(house, is_kept=number % 3 > 0)))
        await asyncio.sleep(2 / 90)
    return {status for statuses in await asyncio.gather(*coming) for status in statuses}


async def stay(house: House, *, is_kept: bool) -> set[int]:
    """A booking is made and paid, and cancelled unless it is kept."""
    guest = a_guest()
    created = await house.client.command(guest, "create_booking", a_create())
    statuses = {created.status}
    for status in ["confirmed"] if is_kept else ["confirmed", "cancelled"]:
        # Anywhere: it is forwarded to the venue's home.
        data = {"booking_id": created.data["id"], "status": status}
        statuses.add((await house.client.command(guest, "update_booking_status", data)).status)
    return statuses
