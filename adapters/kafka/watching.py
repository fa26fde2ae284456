"""Reading along: what lies in a topic or comes into it, for people and for the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.records import accept_any_record, record_of
from adapters.kafka.settings import KafkaSettings
from handlers.ports import Record

_WAITS_MS: Final = 1_000  # for the first of them; then as many as are there


@asynccontextmanager
async def watching(
    settings: KafkaSettings, topic: str, *, from_beginning: bool = False
) -> AsyncIterator[AsyncIterator[Record]]:
    """The topic's committed records, without end; from now on, or from the beginning.

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
    await consumer.start()
    try:
        await consumer.topics()
        partitions = await consumer._client._wait_on_metadata(topic)
        sources = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(sources)
        if from_beginning:
            await consumer.seek_to_beginning(*sources)
        else:
            await consumer.seek_to_end(*sources)
        yield _records(consumer)
    finally:
        await consumer.stop()


async def _records(consumer: AIOKafkaConsumer) -> AsyncIterator[Record]:
    while True:
        for records in (await consumer.getmany(timeout_ms=_WAITS_MS)).values():
            for record in records:
                yield record_of(record)
