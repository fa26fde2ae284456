"""Queries: answered at least once and without lanes, so reads never wait behind writes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from adapters.kafka.batches import Parts, by_partition, reply_topics
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.figures import NO_FIGURES, KafkaFigures
from adapters.kafka.patience import Patience
from adapters.kafka.publishing import BrokerPublisher, OutputRefused
from adapters.kafka.redelivery import Redelivery
from adapters.kafka.rights_held import in_words
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from handlers.ports import DatabaseAway, KeysAway, Onlooker, QueryProcessor, Record, Stage, Unseen

_log = structlog.get_logger(__name__)


class QueriesConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Answers reach the broker before the offsets are committed; after a crash some come twice."""

    def __init__(
        self,
        settings: KafkaSettings,
        processor: QueryProcessor,
        publisher: BrokerPublisher,
        topics: TopicDirectory,
        watch: Onlooker | None = None,
        figures: KafkaFigures = NO_FIGURES,
    ) -> None:
        self._watch = watch or Unseen()
        self._figures = figures
        self.in_hand: Mapping[TopicPartition, int] = {}
        self._processor = processor
        self._publisher = publisher
        self._topics = topics
        self._patience = Patience(settings.batch_limit_seconds)
        self._standstill = Standstill("queries")
        self._redelivery = Redelivery()
        self._in_hand = asyncio.Lock()

    async def consume(self, consumer: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Answer one batch; never raises for what another delivery can repair."""
        async with self._in_hand:
            parts = by_partition(records)
            self.in_hand = {source: part[0].offset for source, part in parts.items()}
            try:
                async with self._patience.limit():
                    await self._topics.learn(reply_topics(records))
                    answers = await self._processor.answer(records)
                    self._watch.at(Stage.PUBLISH)
                    await self._publisher.publish(answers)
                    await consumer.commit({s: part[-1].offset + 1 for s, part in parts.items()})
            except (CommitFailedError, IllegalStateError) as error:
                # The partitions are somebody else's, who will answer once more.
                self._watch.comes_again([source.partition for source in parts])
                _log.info("queries answered but not committed", reason=repr(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, no record may be lost by it
                self._failed(consumer, parts, error)
            else:
                self._watch.published([source.partition for source in parts])
                self._standstill.over()
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
        """Wait for the batch in hand, or its answers come twice."""
        self._redelivery.forget_all()
        async with self._in_hand:
            # Whatever was waited for, by the batch in hand too, is the next owner's affair.
            self._standstill.over()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Nothing to do: the consumer begins at the committed offsets."""

    async def stop(self) -> None:
        self._redelivery.forget_all()

    def _failed(self, consumer: AIOKafkaConsumer, parts: Parts, error: Exception) -> None:
        waits_for = self._standstill.waits_for
        self._figures.failed(len(parts), error)
        self._watch.comes_again([source.partition for source in parts])
        match error:
            case OutputRefused():
                rest = 0.0
            case DatabaseAway():
                rest = waits_for("the database", repr(error))
            case KeysAway():
                rest = waits_for("the keys of tokens", repr(error))
            case KafkaError() | TimeoutError():
                rest = waits_for("Kafka", in_words(error))
            case _:
                rest = waits_for("a repair", type(error).__name__)
                _log.error("queries failed", exc_info=error)
        for source, part in parts.items():
            self._redelivery.again(consumer, source, part[0].offset, rest)
