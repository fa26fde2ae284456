"""Reading a topic once, from where one wants to where it ends now, beside whoever works with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from adapters.kafka.coordinators import coordinator_of
from adapters.kafka.publishing import from_commit
from adapters.kafka.records import accept_any_record, record_of
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.stopping import stopped
from handlers.ports import WHOLE_OF_IT, Mark, Record, Share

_MOST_RECORDS = 2_000
# Records end the wait. A transaction's marker does not, and is often the last thing there is.
_WAIT_MS = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """Of one partition: from `start` up to, and not with, `end`."""

    start: int
    end: int


class TopicReader:
    """The committed records of a topic between fixed offsets, in batches of one partition."""

    def __init__(
        self, consumer: AIOKafkaConsumer, stretches: Mapping[TopicPartition, Stretch]
    ) -> None:
        self._consumer = consumer
        self._stretches = stretches

    @property
    def partitions(self) -> int:
        """How many the topic has."""
        return len(self._stretches)

    @property
    def length(self) -> int:
        """How many offsets lie in it; markers of transactions are among them, so fewer records."""
        return sum(stretch.end - stretch.start for stretch in self._stretches.values())

    async def batches(self) -> AsyncIterator[tuple[int, int, list[Record]]]:
        """Partition, the offset reached with it, records. Ends when every partition is read.

        Where a transaction's marker is the last thing there is no last record to wait for: it is
        the consumer's position that has to reach the end.
        """
        open_ = {
            source for source, stretch in self._stretches.items() if stretch.start < stretch.end
        }
        while open_:
            found = await self._consumer.getmany(
                *open_, timeout_ms=_WAIT_MS, max_records=_MOST_RECORDS
            )
            for source in list(open_):
                end = self._stretches[source].end
                reached = min(await self._consumer.position(source), end)
                records = [record_of(each) for each in found.get(source, ()) if each.offset < end]
                if records or reached >= end:
                    yield source.partition, reached, records
                if reached >= end:
                    open_.discard(source)
                    self._consumer.pause(source)


@asynccontextmanager
async def reading(
    settings: KafkaSettings,
    topic: str,
    *,
    since: Mapping[int, int] | None = None,
    from_ms: int | None = None,
    until_ms: int | None = None,
    share: Share = WHOLE_OF_IT,
) -> AsyncIterator[TopicReader]:
    """From the beginning, or from `since` (partition to offset), or from a time, to what is there
    now or was written before `until_ms`; of all partitions, or of a share of them. The topic has to
    exist.
    """
    accept_any_record()
    consumer = AIOKafkaConsumer(
        **settings.connection(),
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = await consumer._client._wait_on_metadata(topic)
        sources = [TopicPartition(topic, each) for each in partitions if share.has(each)]
        first = await consumer.beginning_offsets(sources)
        last = await consumer.end_offsets(sources)
        start = await _at(consumer, sources, from_ms, last) if from_ms is not None else first
        end = await _at(consumer, sources, until_ms, last) if until_ms is not None else last
        stretches = {}
        # Not before it is known where: it would fetch from elsewhere first, and then wait a while.
        consumer.assign(sources)
        for source in sources:
            begin = max(start[source], first[source], (since or {}).get(source.partition, 0))
            stretches[source] = Stretch(begin, max(begin, end[source]))
            consumer.seek(source, begin)
        yield TopicReader(consumer, stretches)
    finally:
        await stopped(consumer)


async def _at(
    consumer: AIOKafkaConsumer,
    sources: list[TopicPartition],
    time_ms: int,
    otherwise: Mapping[TopicPartition, int],
) -> Mapping[TopicPartition, int]:
    """The first offsets that are not earlier."""
    found = await consumer.offsets_for_times(dict.fromkeys(sources, time_ms))
    return {
        source: at.offset if (at := found.get(source)) else otherwise[source] for source in sources
    }


async def partitions_of(settings: KafkaSettings, topic: str) -> int:
    """How many partitions the topic has; it has to exist."""
    async with reading(settings, topic) as reader:
        return reader.partitions


@dataclass(frozen=True, slots=True)
class GroupState:
    """The commands' group from outside."""

    members: int
    committed: Mapping[int, int]  # by partition
    marks: Mapping[int, Mark]  # of those partitions whose offset a worker committed


async def group_state(settings: KafkaSettings, topic: str) -> GroupState:
    """Who works now, and how far they came."""
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        patience = settings.request_timeout_ms / 1000
        node = await coordinator_of(admin, settings.group_id, within_seconds=patience)
        (described,) = await admin.describe_consumer_groups([settings.group_id], node)
        ((_, _, _, _, _, members, *_),) = described.groups
        offsets = await admin.list_consumer_group_offsets(settings.group_id)
    finally:
        await admin.close()
    ours = {at.partition: offset for at, offset in offsets.items() if at.topic == topic}
    return GroupState(
        members=len(members),
        committed={partition: offset.offset for partition, offset in ours.items()},
        marks={p: mark for p, offset in ours.items() if (mark := from_commit(offset))},
    )
