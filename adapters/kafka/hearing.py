"""Failures of a producer that nobody waits for: of one that idles, or that is given up.

asyncio would report each of them as an error that nobody has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager

Batches: TypeAlias = dict[Any, Any]


def hear_of_failures(producer: AIOKafkaProducer) -> None:
    """Look into every future in which aiokafka tells of a failed transaction or batch, whoever else
    does.

    Before the first transaction there is none to tell it in, and aiokafka 0.14 fails over that.
    """
    transactions, sender = producer._txn_manager, producer._sender
    for name in ("fatal_error", "error_transaction"):
        setattr(transactions, name, _heard(transactions, getattr(transactions, name)))
    sender._send_produce_req = _heard_sending(sender._send_produce_req)
    _heard_batches(producer._message_accumulator)


def _heard(
    transactions: TransactionManager, fail: Callable[[BaseException], None]
) -> Callable[[BaseException], None]:
    def failing(error: BaseException) -> None:
        if transactions._transaction_waiter is None:
            transactions._transaction_waiter = asyncio.get_running_loop().create_future()
        for *_, offset in transactions._pending_txn_offsets:
            offset.add_done_callback(hear)
        fail(error)
        transactions._transaction_waiter.add_done_callback(hear)

    return failing


def _heard_sending(
    send: Callable[[int, Batches], Awaitable[None]],
) -> Callable[[int, Batches], Awaitable[None]]:
    """Of a batch that is to be sent again when all has failed meanwhile, aiokafka loses track."""

    async def sending(node_id: int, batches: Batches) -> None:
        if task := asyncio.current_task():
            task.add_done_callback(hear)
        await send(node_id, batches)

    return sending


def _heard_batches(batches: MessageAccumulator) -> None:
    """A batch that fails tells its senders through a shield, which a sender who is cancelled takes
    down, and tells those who would wait for room behind it, of whom there may be none.
    """
    append, again, fail = batches._append_batch, batches.reenqueue, batches.fail_all

    def appending(*details: Any) -> MessageBatch:
        batch = append(*details)
        batch.future.add_done_callback(hear)
        batch._drain_waiter.add_done_callback(hear)
        return batch

    def reenqueue(batch: MessageBatch) -> None:
        again(batch)
        batch._drain_waiter.add_done_callback(hear)  # a new one

    def failing(error: BaseException) -> None:
        # Of one that waits to be sent again, aiokafka believes that it is under way when it fails.
        waiting = (batch for queue in batches._batches.values() for batch in queue)
        batches._pending_batches.update(batch for batch in waiting if batch.retry_count)
        fail(error)

    batches._append_batch, batches.reenqueue, batches.fail_all = appending, reenqueue, failing


def hear(future: asyncio.Future[Any]) -> None:
    """Look into a future, so that asyncio does not report its failure where whoever waited for it
    was cancelled.
    """
    if not future.cancelled():
        future.exception()
