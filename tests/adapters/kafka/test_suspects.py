"""Records that may have brought a worker down, or that raised, are done alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.ports import ANY_OFFSET, DatabaseAway, Held, LaneState, Output, Record
from tests.adapters.kafka.test_lanes import numbered, values
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, working

TRIES = 3


def done(echo: Echo) -> list[bytes | None]:
    """What was done without raising, in that order."""
    return [record.value for batch in echo.batches for record in batch]


@dataclass
class Poisoned(Echo):
    """One record raises, until it has been tried alone often enough."""

    poison: bytes = b"c00004"
    error: type[Exception] = ValueError
    tries: int = 0
    singly: list[bytes | None] = field(default_factory=list)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        if alone:
            (record,) = records
            self.singly.append(record.value)
        if self.poison in {record.value for record in records}:
            self.tries += alone
            if not alone or self.tries <= TRIES:
                raise self.error("a bug")
        return await super().process(records, lanes, alone=alone)


async def test_a_record_that_raises_is_tried_alone_and_its_neighbours_are_done_once(
    cluster: Cluster,
) -> None:
    await cluster.send(numbered(8), partition=3)
    await cluster.send(numbered(4, "d"), partition=7)
    echo = Poisoned(cluster.names.events)
    async with working(cluster.settings, echo):
        events = await cluster.events(12, within_seconds=40)
        await cluster.send(numbered(2, "e"), partition=3)
        await cluster.events(14)
    assert values(events) == numbered(8) + numbered(4, "d")
    assert [value for value in done(echo) if value in numbered(8)] == numbered(8), "in order"
    assert echo.tries == TRIES + 1
    assert set(echo.singly) >= set(numbered(5)), "those before it and itself"
    assert not set(echo.singly) & set(numbered(2, "e")), "what comes later is trusted"


async def test_a_database_that_goes_away_makes_nobody_suspect(cluster: Cluster) -> None:
    await cluster.send(numbered(8), partition=3)
    away = [DatabaseAway("gone"), DatabaseAway("gone")]

    async def fail(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if away:
            raise away.pop()

    echo = Echo(cluster.names.events, before=fail)
    async with working(cluster.settings, echo):
        await cluster.events(8)
    assert not echo.alone


async def test_what_a_dead_worker_had_in_hand_is_done_alone_and_no_more(cluster: Cluster) -> None:
    await cluster.send(numbered(9), partition=3)
    rows = LaneRowsInMemory({3: LaneState(5, None, 4)})
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo, rows):
        events = await cluster.events(9)
    assert values(events) == done(echo) == numbered(9)
    alone = [record.value for record in echo.alone]
    assert alone == numbered(4), "which of them was done alone"


async def test_a_worker_that_died_before_its_first_batch_puts_one_batch_in_doubt(
    cluster: Cluster,
) -> None:
    await cluster.send(numbered(9), partition=3)
    dead = LaneRowsInMemory({3: LaneState(5, None, ANY_OFFSET)})
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo, dead):
        await cluster.events(9)
        doubted = len(echo.alone)
        await cluster.send(numbered(4, "d"), partition=3)
        await cluster.events(13)
    assert doubted == 9
    assert len(echo.alone) == doubted, "what came after it is trusted"


async def test_a_known_bug_is_known_to_the_next_owner(cluster: Cluster) -> None:
    """A clean stop leaves no suspicion, but what raised stays suspected."""
    rows = LaneRowsInMemory()
    await cluster.send(numbered(3), partition=3)
    raised = asyncio.Event()

    async def fail(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        raised.set()
        raise ValueError("a bug")

    async with working(cluster.settings, Echo(cluster.names.events, before=fail), rows):
        await raised.wait()
    assert rows.rows[3].in_hand_until == 3
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo, rows):
        events = await cluster.events(3)
    assert values(events) == numbered(3)
    assert [record.value for record in echo.alone] == numbered(3)
