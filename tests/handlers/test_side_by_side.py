"""Lanes that meet in one command or booking at the same moment, in two batches or two workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

import pytest

from handlers.ports import LaneDatabase, LaneTransaction, Output, Overtaken
from tests.handlers.world import ADMIN, ELSEWHERE, GUEST, VENUE, World

ID = UUID("00000000-0000-4000-8000-0000000000d1")


@dataclass
class TakingTurns:
    """The database, with room for the others round each transaction."""

    inner: Any

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AsyncIterator[LaneTransaction]:
        await asyncio.sleep(0)
        async with self.inner.transaction(topic, epochs) as transaction:
            yield transaction
        await asyncio.sleep(0)


async def side_by_side(world: World) -> list[Mapping[int, Sequence[Output]] | BaseException]:
    """What lies on each partition as a batch of its own, all of them at once."""
    partitions = sorted({record.partition for record in world.log})
    for partition in partitions:
        await world.open(partition)
    database = cast("LaneDatabase", TakingTurns(world.watched))
    handlers = replace(world.handlers, database=database)
    return await asyncio.gather(
        *(
            handlers.process(
                [record for record in world.log if record.partition == partition],
                {partition: world.lanes[partition]},
            )
            for partition in partitions
        ),
        return_exceptions=True,
    )


@pytest.mark.parametrize("repeated", [{"command_id": ID}, {"key": "k"}], ids=["id", "key"])
async def test_who_is_overtaken_by_another_lane_has_met_with_no_bug(
    repeated: dict[str, Any],
) -> None:
    """What belongs to no venue is done where it lies, so two lanes may begin it at once."""
    world = World()
    for partition in (0, 1):
        unknown = {"id": str(ID), "venue_id": str(VENUE)}
        world.cancel(unknown, partition=partition, **repeated)
    first, second = await side_by_side(world)
    assert not isinstance(first, BaseException)
    assert isinstance(second, Overtaken)
    world._commit(world.log[0])
    world._publish(first[0])
    await world.settle()
    assert [reply.code for reply in world.replies] == ["booking_not_found"] * 2


@pytest.mark.parametrize("repeated", [{"command_id": ID}, {"key": "k"}], ids=["id", "key"])
@pytest.mark.parametrize(
    ("type_", "data"),
    [("cancel_booking", {"booking_id": str(ID)}), ("erase_guest", {"guest_id": str(GUEST.id)})],
)
async def test_who_recorded_it_replies_whoever_else_had_taken_it_up(
    type_: str, data: dict[str, str], repeated: dict[str, Any]
) -> None:
    """What the first recorded is lost on its way to Kafka, after the second took it for skipped."""
    world = World()
    asked = [
        world.send(type_, data, partition=partition, by=ADMIN, **repeated) for partition in (0, 1)
    ]
    _, second = await side_by_side(world)
    assert isinstance(second, Overtaken)
    world.lanes.clear()
    await world.settle()
    assert sorted(reply.headers["correlation_id"].decode() for reply in world.replies) == sorted(
        map(str, asked)
    )
    assert sorted(reply.is_replayed for reply in world.replies) == [False, True]


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_what_comes_up_after_the_survey_is_left_to_its_own_lane(in_one_batch: bool) -> None:
    """Its events would go out in two transactions at once, the later version's perhaps first."""
    before = World()
    created = before.create(command_id=ID, venue_id=str(ELSEWHERE))
    await before.settle()
    world = World()
    world.create(command_id=ID, venue_id=str(ELSEWHERE))
    cancelled = world.cancel(before.reply_to(created).booking, partition=2)
    if in_one_batch:
        await world.deliver()
        assert world.reply_to(cancelled).code == "booking_not_found"
    else:
        await side_by_side(world)
    (booking,) = world.bookings.values()
    assert booking.version == 1
