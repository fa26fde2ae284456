"""A lane is one worker's sole right to act on a partition, fenced in Kafka and in the database.

It is opened by the first batch that arrives for the partition, and that batch is thrown away: a
record that was fetched before the lane was ours may have been done by the former owner since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.publishing import LanePublisher
from adapters.kafka.refusals import Refusals
from adapters.kafka.settings import KafkaSettings
from handlers.ports import LaneRows

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """An open lane: the epoch that its database transactions show, the producer that publishes."""

    source: TopicPartition
    epoch: int
    publisher: LanePublisher


class Lanes:
    """The open lanes of one consumer, by input partition."""

    def __init__(self, settings: KafkaSettings, rows: LaneRows, refusals: Refusals) -> None:
        self._settings = settings
        self._rows = rows
        self._refusals = refusals
        self._open: dict[TopicPartition, Lane] = {}
        self._assigned: frozenset[TopicPartition] = frozenset()

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """What the group gave us; an empty one stops openings that are under way."""
        self._assigned = frozenset(partitions)

    def is_assigned(self, source: TopicPartition) -> bool:
        """By the group's word, not the consumer's: during a rebalance that one still says yes."""
        return source in self._assigned

    def opened(self, sources: Collection[TopicPartition]) -> Mapping[TopicPartition, Lane]:
        """Those of `sources` that have an open lane."""
        return {source: self._open[source] for source in sources if source in self._open}

    async def open(self, consumer: AIOKafkaConsumer, source: TopicPartition) -> bool:
        """Open a lane and put the consumer where the committed records end.

        False when the partition was taken away meanwhile. Raises KafkaError, DatabaseAway. The
        order matters: the former owner is fenced before the committed offset is read.
        """
        if not self.is_assigned(source):
            return False
        publisher = LanePublisher(self._settings, source, self._refusals)
        try:
            await publisher.start()
            state = await self._rows.open_lane(source.topic, source.partition)
            if not self.is_assigned(source):
                await publisher.stop()
                return False
            await _go_to_committed(consumer, source)
        except BaseException:
            await publisher.stop()
            raise
        self._open[source] = Lane(source, state.epoch, publisher)
        _log.info("lane opened", partition=source.partition, epoch=state.epoch)
        return True

    async def close(self, sources: Collection[TopicPartition]) -> None:
        """Close those of `sources` that are open; whoever is next opens them again."""
        lanes = [self._open.pop(source) for source in sources if source in self._open]
        await asyncio.gather(*(lane.publisher.stop() for lane in lanes))
        if lanes:
            _log.info("lanes closed", partitions=sorted(lane.source.partition for lane in lanes))

    async def close_all(self) -> None:
        await self.close(list(self._open))


async def _go_to_committed(consumer: AIOKafkaConsumer, source: TopicPartition) -> None:
    committed = await consumer.committed(source)
    if committed is None:
        await consumer.seek_to_beginning(source)
    else:
        consumer.seek(source, committed)
