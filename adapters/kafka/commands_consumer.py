"""Commands: each batch through its lanes, outputs and offsets in one transaction per partition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from adapters.kafka.batches import Parts, by_partition, reply_topics, shares
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.figures import NO_FIGURES, KafkaFigures
from adapters.kafka.lanes import Lane, Lanes
from adapters.kafka.patience import Patience
from adapters.kafka.publishing import OutputRefused
from adapters.kafka.redelivery import Redelivery
from adapters.kafka.refusals import CannotPublish
from adapters.kafka.rights_held import in_words
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.when_idle import WhenIdle
from handlers.ports import (
    CommandProcessor,
    DatabaseAway,
    KeysAway,
    Onlooker,
    Output,
    Overtaken,
    Record,
    Stage,
    Unseen,
)

_log = structlog.get_logger(__name__)

IDLE_AFTER_SECONDS = 1.0
LEAST_SHARE_RECORDS = 40
"""A share pays for its statements; so many records in it make that little."""


class CommandsConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One batch at a time; a partition where something fails returns to its committed offset."""

    def __init__(
        self,
        settings: KafkaSettings,
        processor: CommandProcessor,
        lanes: Lanes,
        topics: TopicDirectory,
        give_up: Callable[[str], None],
        watch: Onlooker | None = None,
        figures: KafkaFigures = NO_FIGURES,
    ) -> None:
        self._watch = watch or Unseen()
        self._figures = figures
        self.in_hand: Mapping[TopicPartition, int] = {}
        self._processor = processor
        self._lanes = lanes
        self._topics = topics
        self._give_up = give_up
        self._side_by_side = settings.side_by_side
        self._heartbeat_seconds = settings.heartbeat_interval_ms / 1000
        self._patience = Patience(settings.batch_limit_seconds)
        self._standstill = Standstill("commands")
        # While one partition does not get on, the work of all others says nothing about it.
        self._stuck: set[TopicPartition] = set()
        self._redelivery = Redelivery()
        # Held by the batch in hand, and by a rebalance that waits for it.
        self._in_hand = asyncio.Lock()
        self._idle = WhenIdle(IDLE_AFTER_SECONDS, self._rest)

    async def consume(self, consumer: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Do one batch as far as it is ours; never raises for what another delivery can repair."""
        async with self._in_hand:
            self._idle.put_off()
            parts = by_partition(records)
            self.in_hand = {source: part[0].offset for source, part in parts.items()}
            try:
                async with self._patience.limit():
                    await self._topics.learn(reply_topics(records))
                    lanes = await self._enter_lanes(consumer, parts)
                    await self._do(consumer, lanes, parts)
            except TimeoutError as error:
                _log.warning("batch given up", records=len(records), reason=repr(error))
                self._lanes.trust(parts)
                self._stuck.update(parts)
                self._standstill.waits_for("a batch that ends in time", repr(error))
                self._figures.again(len(parts), "timeout")
                await self._again(consumer, parts, parts.keys(), self._heartbeat_seconds)
            finally:
                self.in_hand = {}

    @property
    def awaited(self) -> str | None:
        """What keeps it from its work now; None while work goes on."""
        return self._standstill.awaited

    def hurry(self, seconds: float) -> None:
        """The worker is stopping: the batch in hand, and any later one, ends by then."""
        self._patience.hurry(seconds)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Wait for the batch in hand and let go of everything (every rebalance takes all)."""
        self._lanes.assign(())
        self._redelivery.forget_all()
        async with self._in_hand:
            await self._lanes.close_all()
            # Whatever was waited for, by the batch in hand too, is the next owner's affair.
            self._stuck.clear()
            self._standstill.over()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._lanes.assign(assigned)

    async def stop(self) -> None:
        self._idle.forget()
        self._redelivery.forget_all()
        async with self._in_hand:
            await self._lanes.close_all()

    def _opened(self, source: TopicPartition, part: Sequence[Record]) -> None:
        """What was waited for may have been committed after all, and then never comes again."""
        mark = self._lanes.opened([source])[source].mark
        if mark is not None and mark.covers(part[-1].coordinates):
            self._gets_on([source])

    def _gets_on(self, sources: Collection[TopicPartition]) -> None:
        self._stuck.difference_update(sources)
        if not self._stuck:
            self._standstill.over()

    async def _rest(self) -> None:
        """Nothing has come for a while: what was published last is written."""
        async with self._in_hand:
            await self._lanes.rest()

    async def _enter_lanes(
        self, consumer: AIOKafkaConsumer, parts: Parts
    ) -> Mapping[TopicPartition, Lane]:
        """The lanes that were open before this batch came; its other partitions are opened now and
        their records thrown away, to be fetched again from where the lane's past ends.
        """
        lanes = self._lanes.opened(parts)
        closed = [source for source in parts if source not in lanes]
        results = await asyncio.gather(
            *(self._lanes.open(consumer, source) for source in closed), return_exceptions=True
        )
        for source, result in zip(closed, results, strict=True):
            if isinstance(result, BaseException):
                await self._failed(consumer, parts, [source], result)
            elif not result:
                # Not assigned by the group's word; if it is in a moment, the records come again.
                self._figures.again(1, "opening")
                await self._again(consumer, parts, [source], self._heartbeat_seconds / 10)
            else:
                self._opened(source, parts[source])
        return lanes

    async def _do(
        self, consumer: AIOKafkaConsumer, lanes: Mapping[TopicPartition, Lane], parts: Parts
    ) -> None:
        """All lanes together; where records are suspected, these first, each of them alone."""
        together = {s: part for s, part in parts.items() if s in lanes}
        for source, lane in lanes.items():
            while together[source] and lane.suspects(together[source][0]):
                rest = {source: together[source]}
                if not await self._do_alone(consumer, lane, rest):
                    del together[source]
                    break
                together[source] = together[source][1:]
        await self._do_shares(
            consumer, lanes, {source: part for source, part in together.items() if part}
        )
        for lane in lanes.values():
            lane.trust_the_rest()

    async def _do_alone(self, consumer: AIOKafkaConsumer, lane: Lane, rest: Parts) -> bool:
        """The first record of what is left; False when that failed and all of it comes again."""
        record = rest[lane.source][0]
        lanes = {lane.source: lane}
        done = await self._process(consumer, lanes, rest, [record], alone=True)
        return bool(done) and await self._publish(
            consumer, lanes, rest, {lane.source: [record]}, done
        )

    async def _do_shares(
        self, consumer: AIOKafkaConsumer, lanes: Mapping[TopicPartition, Lane], parts: Parts
    ) -> None:
        """Shares side by side, which are to each other what two workers are: while one waits for
        the database or a partner, another has the processor.
        """
        dealt = shares(parts, self._side_by_side, LEAST_SHARE_RECORDS)
        if len(dealt) == 1:
            await self._do_together(consumer, lanes, parts)
            return
        ends = await asyncio.gather(
            *(self._do_together(consumer, lanes, share) for share in dealt), return_exceptions=True
        )
        for end in ends:  # each came to its end, whatever the others met with
            if end is not None:
                raise end

    async def _do_together(
        self, consumer: AIOKafkaConsumer, lanes: Mapping[TopicPartition, Lane], parts: Parts
    ) -> None:
        lanes = {source: lanes[source] for source in parts}
        if not lanes:
            return
        records = [record for part in parts.values() for record in part]
        try:
            done = await self._process(consumer, lanes, parts, records)
        except asyncio.CancelledError:
            # Only this task's onlookers know of its batch.
            self._watch.comes_again([source.partition for source in lanes])
            raise
        if done:
            await self._publish(consumer, lanes, parts, parts, done)

    async def _process(
        self,
        consumer: AIOKafkaConsumer,
        lanes: Mapping[TopicPartition, Lane],
        parts: Parts,
        records: Sequence[Record],
        *,
        alone: bool = False,
    ) -> Mapping[int, Sequence[Output]]:
        """The outputs of the lanes that are still ours; `parts` comes again where it failed."""
        held = {source.partition: lane.held for source, lane in lanes.items()}
        try:
            answer = await self._processor.process(records, held, alone=alone)
        except Exception as error:  # noqa: BLE001 - whatever it is, no record may be lost by it
            await self._failed(consumer, parts, lanes, error)
            return {}
        if lost := [source for source in lanes if source.partition not in answer]:
            _log.warning("lanes lost in the database", partitions=sorted(s.partition for s in lost))
            self._figures.lost(len(lost))
            await self._again(consumer, parts, lost, self._heartbeat_seconds)
        return answer

    async def _publish(
        self,
        consumer: AIOKafkaConsumer,
        lanes: Mapping[TopicPartition, Lane],
        parts: Parts,
        done: Parts,
        answer: Mapping[int, Sequence[Output]],
    ) -> bool:
        """Publish what was `done`, each lane for itself; False when one of them failed, of which
        all its `parts` come again.
        """
        sources = [source for source in lanes if source.partition in answer]
        self._watch.at(Stage.PUBLISH)
        published: list[TopicPartition] = []

        async def publish(source: TopicPartition) -> None:
            await lanes[source].publish(answer[source.partition], done[source])
            published.append(source)

        try:
            results = await asyncio.gather(*map(publish, sources), return_exceptions=True)
        except asyncio.CancelledError:  # the others took too long; these are committed all the same
            self._watch.comes_again([s.partition for s in sources if s not in published])
            self._watch.published([source.partition for source in published])
            raise
        failed = False
        for source, result in zip(sources, results, strict=True):
            if isinstance(result, BaseException):
                failed = True
                await self._failed(consumer, parts, [source], result)
        self._watch.published([source.partition for source in published])
        self._gets_on(published)
        return not failed

    async def _failed(
        self,
        consumer: AIOKafkaConsumer,
        parts: Parts,
        sources: Collection[TopicPartition],
        error: BaseException,
    ) -> None:
        """Close these lanes and have their records again, after as long as the error suggests.

        Only a bug makes records suspect; what any record would have met with clears them.
        """
        waits_for = self._standstill.waits_for
        failed = {source: parts[source] for source in sources}
        self._figures.failed(len(failed), error)
        self._lanes.trust(failed)
        if isinstance(error, Overtaken):
            _log.warning("overtaken by another lane", reason=str(error))
        if isinstance(error, OutputRefused | Overtaken):  # which the next try does not meet with
            await self._again(consumer, parts, sources, 0.0)
            return
        self._stuck.update(sources)
        match error:
            case CannotPublish():
                self._give_up(str(error))
                rest = self._heartbeat_seconds
            case DatabaseAway():
                rest = waits_for("the database", repr(error))
            case KeysAway():
                rest = waits_for("the keys of tokens", repr(error))
            case KafkaError() | TimeoutError():
                # After a fencing wait one heartbeat, so that the group decides first whose it is.
                rest = max(self._heartbeat_seconds, waits_for("Kafka", in_words(error)))
            case Exception():
                rest = waits_for("a repair", type(error).__name__)
                _log.error("batch failed", exc_info=error)
                self._lanes.suspect(failed)
            case _:
                raise error
        await self._again(consumer, parts, sources, rest)

    async def _again(
        self,
        consumer: AIOKafkaConsumer,
        parts: Parts,
        sources: Collection[TopicPartition],
        rest_seconds: float,
    ) -> None:
        self._watch.comes_again([source.partition for source in sources])
        await self._lanes.close(sources)
        for source in sources:
            self._redelivery.again(consumer, source, parts[source][0].offset, rest_seconds)
