"""An older epoch may write nothing, and a younger one waits until it cannot any more."""

from __future__ import annotations

import asyncio

import pytest

from adapters.database.database import Database
from tests.adapters.database.lane import PARTITION, TOPIC, Lane, a_start
from tests.fakes.database import FakeDatabase


async def test_each_opening_raises_the_epoch_of_its_lane_alone(
    database: Database | FakeDatabase,
) -> None:
    first = (await database.lanes.open_lane(TOPIC, 1)).epoch
    assert (await database.lanes.open_lane(TOPIC, 1)).epoch == first + 1
    assert (await database.lanes.open_lane(TOPIC, 2)).epoch == first
    assert (await database.lanes.open_lane("another.topic", 1)).epoch == first


async def test_a_lane_whose_epoch_was_raised_is_lost(lane: Lane) -> None:
    await Lane.opened(lane.database)
    async with lane.transaction() as transaction:
        assert transaction.lost == {PARTITION}


async def test_only_the_partition_that_was_taken_is_lost(lane: Lane) -> None:
    other = (await lane.database.lanes.open_lane(TOPIC, 1)).epoch
    await Lane.opened(lane.database)
    epochs = {1: other, PARTITION: lane.epoch, 5: 1}
    async with lane.database.lanes.transaction(TOPIC, epochs) as transaction:
        assert transaction.lost == {PARTITION, 5}


async def test_opening_waits_for_a_transaction_that_has_read_the_epoch(lane: Lane) -> None:
    start = a_start()
    async with lane.transaction() as transaction:
        raising = asyncio.create_task(lane.database.lanes.open_lane(TOPIC, PARTITION))
        done, _ = await asyncio.wait([raising], timeout=0.2)
        assert not done
        await transaction.start([start])
    assert (await raising).epoch == lane.epoch + 1
    async with (await Lane.opened(lane.database)).transaction() as transaction:
        assert start.row_id in await transaction.find_commands([start.row_id])


async def test_an_exception_takes_everything_back(lane: Lane) -> None:
    start = a_start()

    async def fail_after_writing() -> None:
        async with lane.transaction() as transaction:
            await transaction.start([start])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_writing()
    async with lane.transaction() as transaction:
        assert await transaction.find_commands([start.row_id]) == {}
