"""Outputs onto the wire: in a transaction for a lane, plainly and idempotently for all others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.producer.transaction_manager import TransactionState
from aiokafka.structs import OffsetAndMetadata

from adapters.kafka.hearing import hear_of_failures
from adapters.kafka.refusals import Refusals
from adapters.kafka.sending import OutputRefused, delivered, send
from adapters.kafka.settings import KafkaSettings
from handlers.ports import Mark, Output

__all__ = [
    "AtLeastOncePublisher",
    "BrokerPublisher",
    "LanePublisher",
    "OutputRefused",
    "TransactionalPublisher",
]

# How large a record may be is the broker's word (the topic's max.message.bytes), not the client's.
# It judges whole batches by it (1 MiB by default), and a larger record travels alone, so a batch of
# this size is never refused for its neighbours' sake.
MAX_BATCH_BYTES = 256 * 1024
_ABORTABLE = (TransactionState.IN_TRANSACTION, TransactionState.ABORTABLE_ERROR)
# Up to three of these stand between a batch that is given up at SIGTERM and the exit.
GOODBYE_SECONDS = 1.0


class LanePublisher(Protocol):
    """Publishes what the batches of one input partition lead to, with the offset behind them."""

    async def start(self) -> None:
        """After this no former owner of the partition can publish any more, as far as Kafka can
        see to that.
        """
        ...

    async def publish(self, outputs: Sequence[Output], reached: Mark) -> None:
        """Publish all outputs and commit `reached` of the source; its timestamp is kept as the
        commit's metadata.

        Raises OutputRefused, CannotPublish, KafkaError (fenced), or TimeoutError (broker away).
        """
        ...

    async def stop(self) -> None:
        """Let go within seconds, whatever the broker does."""
        ...


class TransactionalPublisher:
    """Outputs and offset in one transaction; after any error it is spent, and a new one needed."""

    def __init__(self, settings: KafkaSettings, source: TopicPartition, refusals: Refusals) -> None:
        self._source = source
        self._group_id = settings.group_id
        self._refusals = refusals
        self._patience_seconds = settings.request_timeout_ms / 1000
        self._producer = AIOKafkaProducer(
            **settings.connection(),
            transactional_id=settings.transactional_id(source.topic, source.partition),
            transaction_timeout_ms=settings.transaction_timeout_ms,
            max_batch_size=MAX_BATCH_BYTES,
        )
        hear_of_failures(self._producer)

    async def start(self) -> None:
        """Fence every former producer of this partition and wait for the end of its transaction."""
        await self._producer.start()

    async def publish(self, outputs: Sequence[Output], reached: Mark) -> None:
        """All of it or nothing."""
        outputs = self._refusals.readdress(outputs)
        async with asyncio.timeout(self._patience_seconds):
            await self._producer.begin_transaction()
            try:
                await self._fill_transaction(outputs, reached)
                await self._producer.commit_transaction()
            except BaseException:
                await self._abort()
                raise
        self._refusals.forget(outputs)

    async def _fill_transaction(self, outputs: Sequence[Output], reached: Mark) -> None:
        """The offset first and then the outputs, never side by side: of a client as old as aiokafka
        the broker verifies each request's transaction, and two verifications at once make it refuse
        one, for which aiokafka then sleeps 100 ms. 4 of 100 lone creates met with that.
        """
        producer = self._producer
        offsets = {self._source: as_commit(reached)}
        await producer.send_offsets_to_transaction(offsets, self._group_id)
        sent = await send(producer, outputs, self._refusals)
        # aiokafka commits a transaction whose sends failed: each one has to be looked at.
        await delivered(sent, self._refusals)

    async def _abort(self) -> None:
        """Best effort, so that readers do not wait for this transaction; the next owner would end
        it as well. A fenced producer has nothing left to abort, and what is being committed is no
        longer ours to abort: whether the broker has done it, the next owner will see.
        """
        if self._producer._txn_manager.state not in _ABORTABLE:
            return
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._producer.abort_transaction()

    async def stop(self) -> None:
        """An open transaction is aborted."""
        await _stop(self._producer)


class AtLeastOncePublisher:
    """Outputs first, then the offset: a crash in between publishes the same bytes once more.

    Nothing in Kafka fences it; the epoch in the database does, before anything is published.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        source: TopicPartition,
        refusals: Refusals,
        consumer: AIOKafkaConsumer,
    ) -> None:
        self._source = source
        self._consumer = consumer
        self._publisher = BrokerPublisher(settings, refusals)

    async def start(self) -> None:
        """Nothing to fence; the producer starts with the first output."""

    async def publish(self, outputs: Sequence[Output], reached: Mark) -> None:
        """The offset only once the broker has all outputs."""
        if outputs:
            await self._publisher.publish(outputs)
        await self._consumer.commit({self._source: as_commit(reached)})

    async def stop(self) -> None:
        await self._publisher.stop()


def as_commit(reached: Mark) -> OffsetAndMetadata:
    """A mark as Kafka keeps it with a group's offset."""
    return OffsetAndMetadata(reached.offset, str(reached.timestamp_ms))


def from_commit(committed: OffsetAndMetadata) -> Mark | None:
    """None for what somebody else committed, an operator's tool for one."""
    text = committed.metadata
    return Mark(committed.offset, int(text)) if text.isascii() and text.isdecimal() else None


class BrokerPublisher:
    """Implements the port `Publisher`: at least once, each record once per try."""

    def __init__(self, settings: KafkaSettings, refusals: Refusals | None = None) -> None:
        self._settings = settings
        self._refusals = refusals
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return when the broker has all of them; raises OutputRefused, CannotPublish, KafkaError
        or TimeoutError.
        """
        if self._refusals is not None:
            outputs = self._refusals.readdress(outputs)
        producer = await self._started()
        try:
            async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                sent = await send(producer, outputs, self._refusals)
                await delivered(sent, self._refusals)
        except BaseException:
            # Its sequence numbers are no longer the broker's; the next try starts afresh.
            if self._producer is producer:
                self._producer = None
            await _stop(producer)
            raise
        if self._refusals is not None:
            self._refusals.forget(outputs)

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._settings.connection(),
                    enable_idempotence=True,
                    max_batch_size=MAX_BATCH_BYTES,
                )
                hear_of_failures(producer)
                try:
                    async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                        await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await producer.stop()
            return
    # Stopping waits for what cannot be delivered, and aiokafka has no other way to leave.
    producer._message_accumulator.fail_all(ProducerClosed())
    sender = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
        await asyncio.wait([sender], timeout=GOODBYE_SECONDS)
    await producer.client.close()
    if sender is not None and not sender.done():
        # It waits for what it has begun, and that for metadata that this client gets no more.
        sender.cancel()
        await asyncio.wait([sender], timeout=GOODBYE_SECONDS)
