"""Reading along: what lies in a topic or comes into it, for people and for the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.records import accept_any_record, record_of
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.stopping import stopped
from handlers.ports import Record

_WAITS_MS: Final = 1_000  # for the first of them; then as many as are there
_ANSWERS_SECONDS: Final = 3.0


class Watched:
    """The records of a topic that are committed, one after another, without end."""

    def __init__(self, consumer: AIOKafkaConsumer, sources: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._sources = sources

    async def __aiter__(self) -> AsyncIterator[Record]:
        while True:
            for record in await self.batch():
                yield record

    async def batch(self) -> Sequence[Record]:
        """As many as are there; none when none came for a second."""
        found = await self._consumer.getmany(timeout_ms=_WAITS_MS)
        return [record_of(record) for records in found.values() for record in records]

    async def ask_brokers(self) -> None:
        """Returns when all that have a partition answer: one that is away only sends no records.

        Raises KafkaError, TimeoutError.
        """
        async with asyncio.timeout(_ANSWERS_SECONDS):
            await self._consumer.end_offsets(self._sources)


@asynccontextmanager
async def watching(
    settings: KafkaSettings, topic: str, *, from_beginning: bool = False
) -> AsyncIterator[Watched]:
    """From now on, or from the beginning.

    On entering, the place in each partition is fixed: what is published after that is seen.
    Raises UnknownTopicOrPartitionError when there is no such topic.
    """
    accept_any_record()
    consumer = AIOKafkaConsumer(
        **settings.connection(),
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        await consumer.topics()
        partitions = await consumer._client._wait_on_metadata(topic)
        sources = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(sources)
        if from_beginning:
            await consumer.seek_to_beginning(*sources)
        else:
            await consumer.seek_to_end(*sources)
        yield Watched(consumer, sources)
    finally:
        await stopped(consumer)
