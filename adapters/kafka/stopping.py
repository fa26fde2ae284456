"""The end of a consumer that reads for itself, without a group."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer


async def stopped(consumer: AIOKafkaConsumer) -> None:
    """Stop it, whatever it is doing.

    With a broker away, aiokafka 0.14 cancels a fetch that pauses before its next try and lets that
    cancellation out as if it were ours; its connections then stay open.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
    finally:
        await consumer._client.close()
