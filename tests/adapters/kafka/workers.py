"""A worker's Kafka side with processors that only echo, and the topics looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from opentelemetry.metrics import Meter

from adapters.kafka.broker import KafkaSide, build_broker
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.records import accept_any_record, record_of
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames, create_topics
from handlers.ports import ANY_OFFSET, Held, LaneState, Onlooker, Output, Record, Resting
from schemas.instruments import NO_METER
from tests.fakes.sealing import FakeServiceKeys


def quick(kafka: str, prefix: str) -> KafkaSettings:
    """Settings with which a lost session shows within seconds."""
    return KafkaSettings(
        bootstrap_servers=kafka,
        group_id=f"{prefix}-worker",
        topic_prefix=prefix,
        session_timeout_ms=6_000,
        rebalance_timeout_ms=10_000,
        request_timeout_ms=5_000,
    )


@dataclass
class Echo:
    """Answers every record by one event with the same key, value and headers."""

    events: str
    before: Callable[[Sequence[Record], Mapping[int, Held]], Awaitable[None]] | None = None
    batches: list[Sequence[Record]] = field(default_factory=list)
    lanes: list[Mapping[int, Held]] = field(default_factory=list)
    alone: list[Record] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        self.batches.append(records)
        self.lanes.append(lanes)
        self.alone += records if alone else ()
        if self.before is not None:
            await self.before(records, lanes)
        outputs: dict[int, list[Output]] = {p: [] for p in lanes if p not in self.lost}
        for record in records:
            if record.partition in outputs:
                outputs[record.partition].append(self.output(record))
        return outputs

    def output(self, record: Record) -> Output:
        headers = tuple((name, value or b"") for name, value in record.headers)
        return Output(self.events, record.key, record.value or b"", headers)

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]:
        if self.before is not None:
            await self.before(records, {})
        return [replace(self.output(record), key=b"answer") for record in records]


@dataclass
class LaneRowsInMemory:
    """Implements LaneRows for the workers of one process."""

    rows: dict[int, LaneState] = field(default_factory=dict)
    raised: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # something was written at rest

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        self.raised.append(partition)
        found = self.rows.get(partition, LaneState(0, None, None))
        found = replace(found, epoch=found.epoch + 1)
        self.rows[partition] = replace(found, in_hand_until=ANY_OFFSET)
        return found

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        for partition, lane in lanes.items():
            if self.rows[partition].epoch == lane.epoch:
                self.rows[partition] = LaneState(lane.epoch, lane.mark, lane.in_hand_until)
        self.changed.set()


def never(reason: str) -> None:
    """A worker that gives up where nothing suggests it has a bug."""
    raise AssertionError(reason)


@asynccontextmanager
async def working(
    settings: KafkaSettings,
    processor: Echo,
    rows: LaneRowsInMemory | None = None,
    give_up: Callable[[str], None] = never,
    watches: tuple[Onlooker | None, Onlooker | None] = (None, None),
    meter: Meter = NO_METER,
) -> AsyncIterator[KafkaSide]:
    """A worker that runs inside the block and drains at its end."""
    side = build_broker(
        settings,
        commands=processor,
        queries=processor,
        rows=rows or LaneRowsInMemory(),
        topics=TopicDirectory(settings),
        sealer=FakeServiceKeys(),
        give_up=give_up,
        watches=watches,
        meter=meter,
    )
    await side.open()
    watching = asyncio.create_task(side.watch())
    try:
        await side.broker.start()
        yield side
    finally:
        await side.drain()
        await side.broker.stop()
        await side.close()
        await watching


@dataclass
class Cluster:
    """The cluster from a client's side."""

    settings: KafkaSettings

    @property
    def names(self) -> TopicNames:
        return TopicNames(self.settings.topic_prefix)

    async def send(self, values: Sequence[bytes], *, partition: int | None = None) -> None:
        """Commands, spread evenly over the partitions unless one is named."""
        producer = AIOKafkaProducer(**self.settings.connection(), acks="all")
        await producer.start()
        try:
            futures = [
                await producer.send(
                    self.names.commands,
                    value,
                    value,
                    partition if partition is not None else number % 12,
                )
                for number, value in enumerate(values)
            ]
            await asyncio.gather(*futures)
        finally:
            await producer.stop()

    async def committed_records(self, topic: str) -> list[Record]:
        """All that a reader with read_committed can see now."""
        accept_any_record()
        consumer = AIOKafkaConsumer(
            **self.settings.connection(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, partition) for partition in range(12)])
            ends = await consumer.end_offsets(consumer.assignment())
            records: list[Record] = []
            for source, end in ends.items():
                while await consumer.position(source) < end:
                    for batch in (await consumer.getmany(source, timeout_ms=200)).values():
                        records += map(record_of, batch)
            return records
        finally:
            await consumer.stop()

    async def events(self, count: int, *, within_seconds: float = 20.0) -> list[Record]:
        """The events, once there are at least so many."""
        return await self.visible(self.names.events, count, within_seconds=within_seconds)

    async def visible(
        self, topic: str, count: int, *, within_seconds: float = 20.0
    ) -> list[Record]:
        """The records of `topic`, once there are at least so many.

        Topics of one transaction become visible one after the other, so each has to be waited for.
        """
        async with asyncio.timeout(within_seconds):
            # Each look asks the broker for its ends, so this loop never spins.
            while len(records := await self.committed_records(topic)) < count:
                pass
        return records

    async def committed_offsets(self) -> dict[int, int]:
        """The commands group's committed offset by partition, where there is one."""
        admin = AIOKafkaAdminClient(**self.settings.connection())
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.settings.group_id)
        finally:
            await admin.close()
        return {
            source.partition: offset.offset
            for source, offset in offsets.items()
            if source.topic == self.names.commands
        }

    async def set_group_to(self, offsets: Mapping[int, int]) -> None:
        """As an operator does it while nobody works: no metadata comes with these offsets."""
        consumer = AIOKafkaConsumer(
            **self.settings.connection(),
            group_id=self.settings.group_id,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            sources = {TopicPartition(self.names.commands, p): o for p, o in offsets.items()}
            consumer.assign(list(sources))
            await consumer.commit(sources)
        finally:
            await consumer.stop()


async def prepared(settings: KafkaSettings) -> Cluster:
    """A cluster with this prefix's topics."""
    await create_topics(settings)
    return Cluster(settings)
