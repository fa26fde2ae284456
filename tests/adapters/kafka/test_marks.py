"""How far a lane is published is known to whoever opens it next, wherever the group stands."""

from __future__ import annotations

from aiokafka.structs import OffsetAndMetadata

from adapters.kafka.publishing import as_commit, from_commit
from handlers.ports import LaneState, Mark
from tests.adapters.kafka.test_lanes import numbered, values
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, working


def test_a_mark_survives_the_way_through_a_groups_offsets() -> None:
    mark = Mark(41, 1_780_000_000_000)
    assert from_commit(as_commit(mark)) == mark


def test_what_a_tool_committed_is_no_mark() -> None:
    assert from_commit(OffsetAndMetadata(41, "")) is None
    assert from_commit(OffsetAndMetadata(41, "set back by the night shift")) is None


async def test_a_group_set_back_while_nobody_works_finds_its_marks_in_the_database(
    cluster: Cluster,
) -> None:
    rows = LaneRowsInMemory()
    await cluster.send(numbered(6), partition=2)
    async with working(cluster.settings, Echo(cluster.names.events), rows):
        await cluster.events(6)
    await cluster.set_group_to({2: 0})
    again = Echo(cluster.names.events)
    async with working(cluster.settings, again, rows):
        await cluster.events(12)
    for records, lanes in zip(again.batches, again.lanes, strict=True):
        mark = lanes[2].mark
        assert mark is not None
        assert all(mark.covers(record.coordinates) for record in records)


async def test_a_mark_that_was_not_written_is_found_with_the_committed_offset(
    cluster: Cluster,
) -> None:
    """The worker was killed right after its commit."""
    await cluster.send(numbered(3), partition=2)
    async with working(cluster.settings, Echo(cluster.names.events), LaneRowsInMemory()):
        await cluster.events(3)
    await cluster.send(numbered(2, "d"), partition=2)
    successor = Echo(cluster.names.events)
    async with working(cluster.settings, successor, LaneRowsInMemory()):
        events = await cluster.events(5)
    (first, *_) = successor.lanes
    mark = first[2].mark
    assert mark is not None
    assert mark.offset == 3
    assert values(events) == numbered(3) + numbered(2, "d")


async def test_an_idle_lane_writes_its_mark(cluster: Cluster) -> None:
    rows = LaneRowsInMemory()
    await cluster.send(numbered(3), partition=2)
    async with working(cluster.settings, Echo(cluster.names.events), rows):
        await cluster.events(3)
        while (state := rows.rows[2]).mark is None:
            await rows.changed.wait()
            rows.changed.clear()
    assert state.mark is not None
    assert (state.mark.offset, state.in_hand_until) == (3, None)


async def test_offsets_set_forward_do_not_raise_the_mark(cluster: Cluster) -> None:
    """What was skipped was never published."""
    await cluster.send(numbered(6), partition=2)
    await cluster.set_group_to({2: 4})
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo, LaneRowsInMemory()):
        await cluster.events(2)
    assert echo.lanes[0][2].mark is None


async def test_a_clean_end_leaves_nothing_in_hand(cluster: Cluster) -> None:
    rows = LaneRowsInMemory()
    await cluster.send(numbered(3), partition=2)
    async with working(cluster.settings, Echo(cluster.names.events), rows):
        await cluster.events(3)
    assert rows.rows[2] == LaneState(1, rows.rows[2].mark, None)
