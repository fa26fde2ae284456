"""A lane is one worker's sole right to act on a partition, fenced in Kafka and in the database.

It is opened by the first batch that arrives for the partition. A record that was fetched before the
lane was ours may have been done by the former owner since: unless they begin where the group was
committed last, the batch's records are thrown away, to be fetched again from there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.batches import Parts
from adapters.kafka.figures import NO_FIGURES, KafkaFigures
from adapters.kafka.publishing import (
    AtLeastOncePublisher,
    LanePublisher,
    TransactionalPublisher,
    from_commit,
)
from adapters.kafka.refusals import Refusals
from adapters.kafka.settings import KafkaSettings
from handlers.ports import ANY_OFFSET, DatabaseAway, Held, LaneRows, Mark, Output, Record, Resting

_log = structlog.get_logger(__name__)

REST_SECONDS: Final = 1.0
"""Writing how far lanes are published may take so long; what is not written costs little."""


@dataclass(slots=True)
class Lane:
    """An open lane: the epoch that its transactions show, the producer, and how far it came."""

    source: TopicPartition
    epoch: int
    publisher: LanePublisher
    mark: Mark | None
    suspect_until: int | None  # records before this offset are done alone
    _written: Mark | None = field(default=None)

    @property
    def held(self) -> Held:
        return Held(self.epoch, self.mark)

    @property
    def resting(self) -> Resting:
        return Resting(self.epoch, self.mark, self.suspect_until)

    @property
    def has_unwritten_mark(self) -> bool:
        return self.mark != self._written

    def suspects(self, record: Record) -> bool:
        """Whether the record may be what brought a worker down, or what raised."""
        return self.suspect_until is not None and record.offset < self.suspect_until

    async def publish(self, outputs: Sequence[Output], part: Sequence[Record]) -> None:
        """Publish what these records led to; with them the mark rises."""
        reached = Mark(part[-1].offset + 1, max(record.timestamp_ms for record in part))
        await self.publisher.publish(outputs, reached)
        self.mark = self.mark.risen_to(reached) if self.mark else reached
        if self.suspect_until is not None and reached.offset >= self.suspect_until:
            self.suspect_until = None

    def trust_the_rest(self) -> None:
        """A batch is done: if nobody could say what was in hand, it was no more than that."""
        if self.suspect_until == ANY_OFFSET:
            self.suspect_until = None

    def mark_is_written(self, mark: Mark | None) -> None:
        self._written = mark


class Opening(Enum):
    """What became of it, for the records that it was opened for."""

    NOT_OURS = auto()  # the partition was taken away meanwhile
    HERE = auto()  # they are the next to be done
    ELSEWHERE = auto()  # the consumer was put where the next ones are


@dataclass(frozen=True, slots=True)
class _Past:
    """What this process knows of a lane that it closed."""

    epoch: int
    mark: Mark | None
    suspect_until: int | None


class Lanes:
    """The open lanes of one consumer, by input partition."""

    def __init__(
        self,
        settings: KafkaSettings,
        rows: LaneRows,
        refusals: Refusals,
        figures: KafkaFigures = NO_FIGURES,
    ) -> None:
        self._figures = figures
        self._settings = settings
        self._rows = rows
        self._refusals = refusals
        self._open: dict[TopicPartition, Lane] = {}
        self._past: dict[TopicPartition, _Past] = {}
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

    async def open(
        self, consumer: AIOKafkaConsumer, source: TopicPartition, part: Sequence[Record]
    ) -> Opening:
        """Open a lane for these records, and see to it that the consumer is where the committed
        ones end.

        Raises KafkaError, DatabaseAway. The order matters: the former owner is fenced before the
        committed offset is read.
        """
        if not self.is_assigned(source):
            return Opening.NOT_OURS
        publisher = self._publisher(consumer, source)
        try:
            await publisher.start()
            state = await self._rows.open_lane(source.topic, source.partition)
            if not self.is_assigned(source):
                await publisher.stop()
                return Opening.NOT_OURS
            committed, opening = await _go_to_committed(consumer, source, part)
        except BaseException:
            await publisher.stop()
            raise
        past = self._past.pop(source, None)
        if past is None or past.epoch + 1 != state.epoch:
            past = _Past(state.epoch, state.mark, state.in_hand_until)
        mark = _furthest(state.mark, past.mark, committed)
        until = past.suspect_until
        if until is not None and committed is not None and until <= committed.offset:
            until = None
        self._open[source] = Lane(source, state.epoch, publisher, mark, until, state.mark)
        self._figures.opened.add(1)
        _log.info("lane opened", partition=source.partition, epoch=state.epoch, suspects=until)
        return opening

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def suspect(self, parts: Parts) -> None:
        """Something raised on these records: they are done alone from now on."""
        for source, lane in self.opened(parts.keys()).items():
            lane.suspect_until = max(lane.suspect_until or 0, parts[source][-1].offset + 1)

    def trust(self, sources: Iterable[TopicPartition]) -> None:
        """Whatever failed, it was not for these records, and no worker died of it."""
        for lane in self.opened(list(sources)).values():
            lane.suspect_until = None

    async def close(self, sources: Collection[TopicPartition]) -> None:
        """Close those of `sources` that are open; whoever is next opens them again."""
        lanes = [self._open.pop(source) for source in sources if source in self._open]
        if not lanes:
            return
        for lane in lanes:
            self._past[lane.source] = _Past(lane.epoch, lane.mark, lane.suspect_until)
        await asyncio.gather(self._rest(lanes), *(lane.publisher.stop() for lane in lanes))
        _log.info("lanes closed", partitions=sorted(lane.source.partition for lane in lanes))

    async def close_all(self) -> None:
        await self.close(list(self._open))

    async def rest(self) -> None:
        """Write the marks that are not written yet; no batch may be in hand."""
        await self._rest([lane for lane in self._open.values() if lane.has_unwritten_mark])

    async def _rest(self, lanes: Iterable[Lane]) -> None:
        """Best effort: a mark that is not written is found again with the committed offset."""
        by_topic: defaultdict[str, list[Lane]] = defaultdict(list)
        for lane in lanes:
            by_topic[lane.source.topic].append(lane)
        for topic, mine in by_topic.items():
            resting = {lane.source.partition: lane.resting for lane in mine}
            with contextlib.suppress(DatabaseAway, TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    await self._rows.rest(topic, resting)
                for lane in mine:
                    lane.mark_is_written(resting[lane.source.partition].mark)

    def _publisher(self, consumer: AIOKafkaConsumer, source: TopicPartition) -> LanePublisher:
        if self._settings.delivery == "at_least_once":
            return AtLeastOncePublisher(self._settings, source, self._refusals, consumer)
        return TransactionalPublisher(self._settings, source, self._refusals)


async def _go_to_committed(
    consumer: AIOKafkaConsumer, source: TopicPartition, part: Sequence[Record]
) -> tuple[Mark | None, Opening]:
    """Gives how far the group was published, when a worker committed it.

    Where these records are the next ones the consumer stays behind them. Sent back it would wait
    for the fetch that is under way, which takes up to half a second when nothing else comes.
    """
    # The public committed() leaves out the metadata.
    found = await consumer._coordinator.fetch_committed_offsets([source])
    committed = found.get(source)
    if committed is None or committed.offset < 0:
        if await _begin_at(0, consumer, source, part):
            return None, Opening.HERE
        await consumer.seek_to_beginning(source)
        return None, Opening.ELSEWHERE
    if await _begin_at(committed.offset, consumer, source, part):
        return from_commit(committed), Opening.HERE
    consumer.seek(source, committed.offset)
    return from_commit(committed), Opening.ELSEWHERE


async def _begin_at(
    offset: int, consumer: AIOKafkaConsumer, source: TopicPartition, part: Sequence[Record]
) -> bool:
    """Whether the records do, and the consumer does not bring them once more: after a rebalance
    between fetching and opening it would.
    """
    return part[0].offset == offset and await consumer.position(source) > part[-1].offset


def _furthest(*marks: Mark | None) -> Mark | None:
    found: Mark | None = None
    for mark in marks:
        found = found.risen_to(mark) if found else mark
    return found
