"""What a lane leaves for its next owner: how far it is published, what was in hand, what failed."""

from __future__ import annotations

from handlers.ports import ANY_OFFSET, LaneState, Mark, Resting
from tests.adapters.database.lane import PARTITION, TOPIC, Lane, coordinates

MARK = Mark(40, 1_780_000_000_040)


async def reopened(lane: Lane) -> LaneState:
    return await lane.database.lanes.open_lane(TOPIC, PARTITION)


async def test_a_new_lane_has_no_past(lane: Lane) -> None:
    state = await lane.database.lanes.open_lane(TOPIC, 9)
    assert (state.mark, state.in_hand_until) == (None, None)


async def test_who_opens_after_a_crash_finds_what_was_in_hand(lane: Lane) -> None:
    async with lane.transaction() as transaction:
        await transaction.begin_batch({PARTITION: (MARK, 47)})
    assert await reopened(lane) == LaneState(lane.epoch + 1, MARK, 47)


async def test_a_crash_before_the_first_batch_began_puts_everything_in_doubt(lane: Lane) -> None:
    assert (await reopened(lane)).in_hand_until == ANY_OFFSET


async def test_a_lane_that_rests_has_nothing_in_hand(lane: Lane) -> None:
    async with lane.transaction() as transaction:
        await transaction.begin_batch({PARTITION: (None, 47)})
    await lane.database.lanes.rest(TOPIC, {PARTITION: Resting(lane.epoch, MARK, None)})
    assert await reopened(lane) == LaneState(lane.epoch + 1, MARK, None)


async def test_a_fenced_worker_that_rests_writes_nothing(lane: Lane) -> None:
    await reopened(lane)
    await lane.database.lanes.rest(TOPIC, {PARTITION: Resting(lane.epoch, MARK, None)})
    state = await reopened(lane)
    assert (state.mark, state.in_hand_until) == (None, ANY_OFFSET)


async def test_tries_are_counted_by_coordinates_and_over_when_the_lane_has_passed(
    lane: Lane,
) -> None:
    async def counted(offset: int, **fields: int) -> int:
        async with lane.transaction() as transaction:
            return await transaction.count_attempt(coordinates(offset, **fields))

    assert [await counted(7), await counted(7), await counted(7)] == [1, 2, 3]
    assert await counted(7, timestamp_ms=5) == 1, "a topic made anew"
    assert await counted(8) == 1
    assert await counted(7) == 1, "gone when a later record had its turn"
    assert await counted(8) == 2


async def test_tries_are_over_when_a_lane_rests_without_suspicion(lane: Lane) -> None:
    async def counted() -> int:
        async with lane.transaction() as transaction:
            return await transaction.count_attempt(coordinates(7))

    await counted()
    await lane.database.lanes.rest(TOPIC, {PARTITION: Resting(lane.epoch, MARK, 8)})
    assert await counted() == 2
    await lane.database.lanes.rest(TOPIC, {PARTITION: Resting(lane.epoch, MARK, None)})
    assert await counted() == 1
