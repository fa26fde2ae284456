"""Clients that do not wait: orders go out at a random rate, whatever has become of the earlier."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from random import Random
from typing import Final

from aiokafka.errors import KafkaError

from tests.chaos.mix import Mix
from tests.chaos.orders import Order
from tests.service.client import Client, Sent

_RATES: Final = (8.0, 45.0)
"""Orders a second, drawn anew every few seconds."""
_RATE_LASTS_SECONDS: Final = 4.0


@dataclass(slots=True)
class Load:
    """Sends, and keeps what it sent; `doubtful` are those of which Kafka said nothing certain."""

    client: Client
    mix: Mix
    random: Random
    orders: list[tuple[Order, Sent]] = field(default_factory=list)
    doubtful: list[tuple[Order, str]] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Send for so long; returns when Kafka has all of it."""
        ends = time.monotonic() + seconds
        rate, until = 0.0, 0.0
        async with asyncio.TaskGroup() as sending:
            while (now := time.monotonic()) < ends:
                if now >= until:
                    rate, until = self.random.uniform(*_RATES), now + _RATE_LASTS_SECONDS
                sending.create_task(self._send(self.mix.next()))
                await asyncio.sleep(self.random.expovariate(rate))

    async def _send(self, order: Order) -> None:
        # The producer refuses a record that is null altogether; with an empty key it is as strange.
        key = b"" if order.key is None and order.value is None else order.key
        try:
            sent = await self.client.publish(
                order.topic,
                order.value,
                headers=order.headers,
                key=key,
                partition=order.partition,
                correlation_id=order.answer_key,
            )
        except KafkaError as error:
            self.doubtful.append((order, repr(error)))
            return
        self.orders.append((order, sent))
        self.mix.memory.note(order)
