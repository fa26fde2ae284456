"""Where a lane's first records are done at once, and where they have to be fetched again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from adapters.kafka.commands_consumer import CommandsConsumer
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.lanes import Lanes, Opening
from handlers.ports import Held, Output, Record
from tests.adapters.kafka.test_stuck import record
from tests.adapters.kafka.workers import LaneRowsInMemory, never, quick

SOURCE = TopicPartition("t.commands", 3)
OURS = replace(quick("nowhere:9092", "t"), delivery="at_least_once")


@dataclass
class Fetched:
    """A consumer of one partition; `committed` None: nobody ever committed there."""

    committed: int | None
    at: int  # where the next fetch begins
    went: list[int | str] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    @property
    def _coordinator(self) -> Any:
        return SimpleNamespace(fetch_committed_offsets=self._offsets)

    async def _offsets(
        self, sources: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        if self.committed is None:
            return {}
        return {SOURCE: OffsetAndMetadata(self.committed, "1000")}

    def assignment(self) -> set[TopicPartition]:
        return {SOURCE}

    async def position(self, source: TopicPartition) -> int:
        return self.at

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.went.append(offset)

    async def seek_to_beginning(self, source: TopicPartition) -> None:
        self.went.append("beginning")

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        self.kept.append(offsets[SOURCE].offset)


@dataclass
class Quiet:
    """Does everything, and has nothing to say of it."""

    done: list[int] = field(default_factory=list)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        self.done += [each.offset for each in records]
        return {partition: [] for partition in lanes}


def lanes_of_ours() -> Lanes:
    lanes = Lanes(OURS, LaneRowsInMemory(), cast("Any", None))
    lanes.assign([SOURCE])
    return lanes


def fetched(first: int, count: int = 3) -> list[Record]:
    return [record(SOURCE, offset) for offset in range(first, first + count)]


@pytest.mark.parametrize(
    ("committed", "first", "at", "opening", "went"),
    [
        (7, 7, 10, Opening.HERE, []),
        (7, 7, 12, Opening.HERE, []),  # markers of transactions lie behind them
        (None, 0, 3, Opening.HERE, []),
        (8, 7, 10, Opening.ELSEWHERE, [8]),  # the former owner did the first one meanwhile
        (6, 7, 10, Opening.ELSEWHERE, [6]),  # or it failed, and what lies before is not done
        (7, 7, 7, Opening.ELSEWHERE, [7]),  # after a rebalance the consumer begins there itself
        (None, 5, 8, Opening.ELSEWHERE, ["beginning"]),
    ],
)
async def test_the_next_records_stand_and_all_others_are_fetched_again(
    committed: int | None, first: int, at: int, opening: Opening, went: list[int | str]
) -> None:
    consumer = Fetched(committed, at)
    lanes = lanes_of_ours()
    assert await lanes.open(cast("Any", consumer), SOURCE, fetched(first)) is opening
    assert consumer.went == went
    assert lanes.count == 1


@pytest.mark.parametrize(("committed", "done"), [(7, [7, 8, 9]), (8, [])])
async def test_only_the_next_records_are_done_with_the_opening_of_their_lane(
    committed: int, done: list[int]
) -> None:
    work, source = Quiet(), Fetched(committed, 10)
    consumer = CommandsConsumer(OURS, work, lanes_of_ours(), TopicDirectory(OURS), never)
    await consumer.consume(cast("Any", source), fetched(7))
    assert work.done == done
    assert source.kept == ([10] if done else [])
