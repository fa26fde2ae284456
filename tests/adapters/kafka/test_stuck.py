"""What a consumer says that it waits for does not outlive the reason, however its work went on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from adapters.kafka.commands_consumer import CommandsConsumer
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.lanes import Lane, Lanes, Opening
from adapters.kafka.queries_consumer import QueriesConsumer
from handlers.ports import DatabaseAway, Held, Mark, Output, Record
from tests.adapters.kafka.test_watched import Heard
from tests.adapters.kafka.workers import never, quick

ONE, OTHER = (TopicPartition("t.commands", at) for at in (1, 2))


class Publisher:
    """Implements LanePublisher; `failing` once, when all is committed already."""

    def __init__(self) -> None:
        self.failing: BaseException | None = None

    async def start(self) -> None: ...

    async def publish(self, outputs: Sequence[Output], reached: Mark) -> None:
        if self.failing is not None:
            raise self.failing

    async def stop(self) -> None: ...


@dataclass
class LanesInMemory:
    """Stands in for Lanes: a lane opens where the log of its partition was committed last."""

    committed: dict[TopicPartition, Mark] = field(default_factory=dict)
    open_ones: dict[TopicPartition, Lane] = field(default_factory=dict)
    publisher: Publisher = field(default_factory=Publisher)

    def assign(self, partitions: Collection[TopicPartition]) -> None: ...

    def trust(self, sources: Collection[TopicPartition]) -> None: ...

    def opened(self, sources: Collection[TopicPartition]) -> Mapping[TopicPartition, Lane]:
        return {source: self.open_ones[source] for source in sources if source in self.open_ones}

    async def open(
        self, consumer: AIOKafkaConsumer, source: TopicPartition, part: Sequence[Record] = ()
    ) -> Opening:
        mark = self.committed.get(source)
        self.open_ones[source] = Lane(source, 1, self.publisher, mark, None)
        return Opening.ELSEWHERE

    async def close(self, sources: Collection[TopicPartition]) -> None:
        for source in sources:
            self.open_ones.pop(source, None)

    async def close_all(self) -> None:
        self.open_ones.clear()


class Gone:
    """A consumer whose partitions are somebody else's."""

    def assignment(self) -> set[TopicPartition]:
        return set()

    async def commit(self, offsets: object) -> None: ...


GONE = cast("AIOKafkaConsumer", Gone())


@dataclass
class Failing:
    """Fails once it may go on, as long as there is something to fail with."""

    error: Exception | None = None
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        await self.answer(records)
        return {partition: [] for partition in lanes}

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]:
        self.began.set()
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        return []


def of_commands(
    work: Failing, lanes: LanesInMemory, heard: Heard | None = None
) -> CommandsConsumer:
    settings = quick("nowhere:9092", "t")
    topics = TopicDirectory(settings)
    return CommandsConsumer(settings, work, cast("Lanes", lanes), topics, never, heard)


def record(source: TopicPartition, offset: int) -> Record:
    return Record(source.topic, source.partition, offset, 1_000, None, b"", ())


async def test_what_failed_while_it_was_taken_away_is_the_next_owners_affair() -> None:
    work, lanes = Failing(DatabaseAway("gone")), LanesInMemory()
    await lanes.open(GONE, ONE)
    consumer = of_commands(work, lanes)
    batch = asyncio.create_task(consumer.consume(GONE, [record(ONE, 0)]))
    await work.began.wait()
    taking = asyncio.create_task(consumer.on_partitions_revoked([ONE]))
    await asyncio.sleep(0)
    work.may_go_on.set()
    await asyncio.gather(batch, taking)
    assert consumer.awaited is None


async def test_what_was_committed_after_all_is_not_waited_for() -> None:
    work, lanes = Failing(), LanesInMemory()
    work.may_go_on.set()
    await lanes.open(GONE, ONE)
    lanes.publisher.failing = KafkaError("nobody knows whether it is committed")
    consumer = of_commands(work, lanes)
    await consumer.consume(GONE, [record(ONE, 0), record(ONE, 1)])
    assert consumer.awaited == "Kafka"
    lanes.publisher.failing = None
    lanes.committed[ONE] = Mark(1, 1_000)
    await consumer.consume(GONE, [record(ONE, 0), record(ONE, 1)])
    assert consumer.awaited == "Kafka", "the second one was not"
    await lanes.close([ONE])
    lanes.committed[ONE] = Mark(2, 1_000)
    await consumer.consume(GONE, [record(ONE, 0), record(ONE, 1)])
    assert consumer.awaited is None


async def test_queries_that_failed_while_they_were_taken_away_are_not_waited_for() -> None:
    work = Failing(DatabaseAway("gone"))
    settings = quick("nowhere:9092", "t")
    publisher: Any = None
    consumer = QueriesConsumer(settings, work, publisher, TopicDirectory(settings))
    batch = asyncio.create_task(consumer.consume(GONE, [record(OTHER, 0)]))
    await work.began.wait()
    taking = asyncio.create_task(consumer.on_partitions_revoked([OTHER]))
    await asyncio.sleep(0)
    work.may_go_on.set()
    await asyncio.gather(batch, taking)
    assert consumer.awaited is None


class Hanging(Publisher):
    async def publish(self, outputs: Sequence[Output], reached: Mark) -> None:
        await asyncio.Event().wait()


async def test_what_was_committed_counts_although_another_partition_takes_too_long() -> None:
    work, lanes, heard = Failing(), LanesInMemory(), Heard()
    work.may_go_on.set()
    await lanes.open(GONE, ONE)
    await lanes.open(GONE, OTHER)
    lanes.open_ones[OTHER].publisher = Hanging()
    consumer = of_commands(work, lanes, heard)
    consumer.hurry(0.1)
    await consumer.consume(GONE, [record(ONE, 0), record(OTHER, 0)])
    assert heard.told[:3] == [("publish", ()), ("comes again", (2,)), ("published", (1,))]
