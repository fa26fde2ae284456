"""All that lies in a house's topics, as a reader with read_committed sees it, while it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

Seen: TypeAlias = ConsumerRecord[Any, Any]
Found = TypeVar("Found")

PATIENCE_SECONDS = 60.0


def header(record: Seen, name: str) -> bytes | None:
    """The first header of this name."""
    return next((value for key, value in record.headers if key == name), None)


class Feed:
    """Reads the given topics from their beginning; what was read stays."""

    def __init__(self, consumer: AIOKafkaConsumer, asking: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._asking = asking  # of what is not committed, too
        self._news = asyncio.Condition()
        self._read: defaultdict[str, list[Seen]] = defaultdict(list)
        self._answers: defaultdict[bytes, list[Seen]] = defaultdict(list)
        self._reached: dict[TopicPartition, int] = {}

    def records(self, topic: str) -> list[Seen]:
        """What the topic holds, each partition in its order."""
        return list(self._read[topic])

    def answers_to(self, correlation_id: bytes) -> list[Seen]:
        """The records of reply topics with this key."""
        return list(self._answers[correlation_id])

    async def until(
        self, look: Callable[[], Found], *, within_seconds: float = PATIENCE_SECONDS
    ) -> Found:
        """What `look` gives once that is true; asked again with every record that comes."""
        async with asyncio.timeout(within_seconds), self._news:
            while not (found := look()):
                await self._news.wait()
            return found

    async def caught_up(self) -> None:
        """Returns when all that was committed before the call has been read."""
        await self._reaches(await self._consumer.end_offsets(self._consumer.assignment()))

    async def all_decided(self) -> None:
        """Returns when all that was written before the call is committed or aborted, and read.

        A committed transaction becomes visible partition by partition: whoever has seen the reply
        need not see the event yet.
        """
        await self._reaches(await self._asking.end_offsets(self._consumer.assignment()))

    async def _reaches(self, ends: dict[TopicPartition, int]) -> None:
        await self.until(lambda: self._has_read(ends) or None)

    def _has_read(self, ends: dict[TopicPartition, int]) -> bool:
        return all(self._reached.get(source, 0) >= end for source, end in ends.items())

    async def read(self, replies: Callable[[str], bool]) -> None:
        """Read on until cancelled."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=20)
            for source in self._consumer.assignment():
                # Markers of transactions count as read though they bring nothing.
                self._reached[source] = await self._consumer.position(source)
            async with self._news:
                for source, records in batches.items():
                    self._read[source.topic] += records
                    for record in records if replies(source.topic) else ():
                        self._answers[record.key or b""].append(record)
                self._news.notify_all()


@asynccontextmanager
async def feed_of(
    connection: Mapping[str, Any], topics: Sequence[str], replies: Callable[[str], bool]
) -> AsyncIterator[Feed]:
    """A feed that reads while the block runs."""
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        *topics,  # without a group that means all of their partitions
        **connection,
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    asking: AIOKafkaConsumer = AIOKafkaConsumer(**connection)
    async with AsyncExitStack() as held:
        for each in (consumer, asking):
            await each.start()
            held.push_async_callback(each.stop)
        feed = Feed(consumer, asking)
        reading = asyncio.create_task(feed.read(replies))
        try:
            yield feed
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
