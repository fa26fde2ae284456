"""Counters of uses: shared by all lanes and by those who only read, and forgotten some day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.database.database import Database
from handlers.ports import Uses
from tests.adapters.database.lane import TOPIC, Lane
from tests.builders import NOW


def a_use(times: int = 1) -> Uses:
    return Uses(uuid4(), times, NOW)


async def test_what_is_counted_adds_up_counter_by_counter(lane: Lane) -> None:
    one, other = a_use(), a_use(5)
    async with lane.transaction() as transaction:
        assert await transaction.count_uses([one]) == {one.counter_id: 1}
    async with lane.transaction() as transaction:
        counted = await transaction.count_uses([other, replace(one, times=3)])
    assert counted == {one.counter_id: 4, other.counter_id: 5}


async def test_who_only_reads_counts_in_the_same_place(lane: Lane) -> None:
    use = a_use()
    async with lane.transaction() as transaction:
        await transaction.count_uses([use])
    assert await lane.database.counts.count_uses([use]) == {use.counter_id: 2}
    async with lane.transaction() as transaction:
        assert await transaction.count_uses([use]) == {use.counter_id: 3}


async def test_nothing_is_counted_by_a_transaction_that_is_rolled_back(lane: Lane) -> None:
    use = a_use()

    async def counted_in_vain() -> None:
        async with lane.transaction() as transaction:
            await transaction.count_uses([use])
            raise ValueError("back")

    with pytest.raises(ValueError, match="back"):
        await counted_in_vain()
    assert await lane.database.counts.count_uses([use]) == {use.counter_id: 1}


async def test_no_use_is_no_statement(lane: Lane) -> None:
    async with lane.transaction() as transaction:
        assert await transaction.count_uses([]) == {}


async def test_old_counters_are_forgotten_the_oldest_first(lane: Lane) -> None:
    counts = lane.database.counts
    ages = {minutes: a_use(minutes) for minutes in (1, 2, 3, 4)}
    for minutes, use in ages.items():
        await counts.count_uses([replace(use, at=NOW - timedelta(minutes=minutes))])
    assert await counts.forget_uses(NOW - timedelta(minutes=1), limit=2) == 2
    assert await counts.forget_uses(NOW - timedelta(minutes=1), limit=2) == 1
    assert await counts.forget_uses(NOW - timedelta(minutes=1), limit=2) == 0
    left = await counts.count_uses(list(ages.values()))
    assert left == {use.counter_id: 2 if n == 1 else n for n, use in ages.items()}


async def test_lanes_that_count_the_same_in_any_order_never_wait_in_a_ring(
    postgresql: Database,
) -> None:
    """And every use is counted: the results of one counter are all different."""
    counters = [UUID(int=number) for number in range(40)]
    epochs = {n: (await postgresql.lanes.open_lane(TOPIC, n)).epoch for n in range(4)}

    async def count(partition: int) -> list[int]:
        in_its_order = counters[partition * 10 :] + counters[: partition * 10]
        found: list[int] = []
        for _ in range(20):
            uses = [Uses(each, 1, NOW) for each in in_its_order]
            async with postgresql.lanes.transaction(
                TOPIC, {partition: epochs[partition]}
            ) as transaction:
                found.append((await transaction.count_uses(uses))[counters[0]])
        return found

    seen = await asyncio.gather(*(count(partition) for partition in epochs))
    assert sorted(number for each in seen for number in each) == list(range(1, 81))


async def test_forgetting_waits_for_nobody(postgresql: Database) -> None:
    held, free = a_use(), a_use()
    await postgresql.counts.count_uses([held, free])
    lane = await Lane.opened(postgresql)
    async with lane.transaction() as transaction:
        await transaction.count_uses([held])
        async with asyncio.timeout(5):
            assert await postgresql.counts.forget_uses(NOW + timedelta(days=1), limit=9) == 1
    assert await postgresql.counts.forget_uses(NOW + timedelta(days=1), limit=9) == 1
