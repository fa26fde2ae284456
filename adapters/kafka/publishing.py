"""Outputs onto the wire: in a transaction for a lane, plainly and idempotently for all others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed

from adapters.kafka.refusals import Refusals
from adapters.kafka.sending import OutputRefused, delivered, send
from adapters.kafka.settings import KafkaSettings
from handlers.ports import Output

__all__ = ["BrokerPublisher", "LanePublisher", "OutputRefused"]

# How large a record may be is the broker's word (the topic's max.message.bytes), not the client's.
# It judges whole batches by it (1 MiB by default), and a larger record travels alone, so a batch of
# this size is never refused for its neighbours' sake.
MAX_BATCH_BYTES = 256 * 1024
# Up to three of these stand between a batch that is given up at SIGTERM and the exit.
GOODBYE_SECONDS = 1.0


class LanePublisher:
    """The producer of one input partition; after any error it is spent and a new one is needed."""

    def __init__(self, settings: KafkaSettings, source: TopicPartition, refusals: Refusals) -> None:
        self._source = source
        self._group_id = settings.group_id
        self._refusals = refusals
        self._patience_seconds = settings.request_timeout_ms / 1000
        self._producer = AIOKafkaProducer(
            **settings.connection(),
            transactional_id=f"{settings.group_id}-{source.topic}-{source.partition}",
            transaction_timeout_ms=settings.transaction_timeout_ms,
            max_batch_size=MAX_BATCH_BYTES,
        )

    async def start(self) -> None:
        """Fence every former producer of this partition and wait for the end of its transaction."""
        await self._producer.start()

    async def publish(self, outputs: Sequence[Output], next_offset: int) -> None:
        """Publish all outputs and commit `next_offset` of the source, or nothing of it.

        Raises OutputRefused, CannotPublish, KafkaError (fenced), or TimeoutError (broker away).
        """
        outputs = self._refusals.readdress(outputs)
        async with asyncio.timeout(self._patience_seconds):
            await self._producer.begin_transaction()
            try:
                await self._fill_transaction(outputs, next_offset)
                await self._producer.commit_transaction()
            except BaseException:
                await self._abort()
                raise
        self._refusals.forget(outputs)

    async def _fill_transaction(self, outputs: Sequence[Output], next_offset: int) -> None:
        producer = self._producer
        sent = await send(producer, outputs)
        offset = asyncio.ensure_future(
            producer.send_offsets_to_transaction({self._source: next_offset}, self._group_id)
        )
        try:
            # aiokafka commits a transaction whose sends failed: each one has to be looked at.
            await delivered(sent, self._refusals)
            await offset
        finally:
            await _settled(offset)

    async def _abort(self) -> None:
        """Best effort, so that readers do not wait for this transaction; the next owner would end
        it as well. A fenced producer has nothing left to abort.
        """
        if self._producer._txn_manager.is_fatal_error():
            return
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._producer.abort_transaction()

    async def stop(self) -> None:
        """Let go within seconds, whatever the broker does; an open transaction is aborted."""
        await _stop(self._producer)


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
                await delivered(await send(producer, outputs), self._refusals)
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
                try:
                    async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                        await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer


async def _settled(task: asyncio.Future[None]) -> None:
    """End the task without a word; it is only ever pending when the transaction has failed."""
    if not task.done():
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
