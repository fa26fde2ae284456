"""A worker joins while another has commands in hand: it begins when they have ended, not before."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest

from app.demo.partners.faults import Fault, Kind
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.callers import a_guest
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.story import Row
from tests.service.waiting import until

COMMANDS = 24
# Longer than a worker needs to start and to join.
_RESERVES = Fault(Kind.LATENCY, "reserve", times=None, seconds=4.0)
_INTENTS = Fault(Kind.LATENCY, "create-intent", times=None, seconds=4.0)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_what_is_in_hand_while_a_worker_joins_is_done_by_one_of_them(
    delivery: str, kafka: KafkaServer, postgres: PostgresServer
) -> None:
    """No call is made twice and no reply comes twice, though Kafka fences nobody in the second."""
    settings = {"BOOKING_KAFKA__DELIVERY": delivery}
    async with a_house(kafka, postgres, settings=settings) as house:
        await asyncio.gather(*(book(house, a_guest()) for _ in range(COMMANDS)))  # opens lanes
        begun = len(checked(house))
        house.partners.inventory.faults.add(_RESERVES)
        house.partners.payment.faults.add(_INTENTS)
        coming = [asyncio.create_task(book(house, a_guest())) for _ in range(COMMANDS)]

        async def some_are_in_hand() -> bool:
            return len(checked(house)) > begun

        await until(some_are_in_hand)
        house.new_worker().start()
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        house.partners.inventory.faults.clear()
        house.partners.payment.faults.clear()
        await asyncio.gather(*coming)
        await house.has_members(2)
        story = await check(house)
    calls = Counter(
        (row["call"], row["key"])
        for row in itertools.chain.from_iterable(story.ledgers.values())
        if row["key"]
    )
    assert not [call for call, times in calls.items() if times > 1], "called by both workers"


def checked(house: House) -> list[Row]:
    """The creates that are so far that they reserve next."""
    calls = house.partners.inventory.ledger()
    return [row for row in calls if row["call"] == "check-availability"]
