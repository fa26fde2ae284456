"""What falls due is done once a second, beside the lanes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from adapters.kafka.publishing import OutputRefused
from adapters.kafka.rights_held import in_words
from adapters.kafka.standstill import Standstill
from app.wiring import Worker
from handlers.ports import DatabaseAway

SWEEP_EVERY_SECONDS = 1.0


class Sweeping:
    """Sweeps once a second; what is away is waited for, as everywhere."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._standstill = Standstill("sweeper")

    @property
    def awaited(self) -> str | None:
        return self._standstill.awaited

    async def run(self) -> None:
        standstill = self._standstill
        while True:
            try:
                await self._worker.sweeper.sweep(datetime.now(UTC))
                await self._worker.tidying.tidy(datetime.now(UTC))
                await self._worker.backlog.look(datetime.now(UTC))
                await self._worker.retiring.retire(datetime.now(UTC))
            except DatabaseAway as error:
                pause = standstill.waits_for("the database", repr(error))
            except (KafkaError, OutputRefused, TimeoutError) as error:
                pause = standstill.waits_for("Kafka", in_words(error))
            else:
                standstill.over()
                pause = 0.0
            await asyncio.sleep(max(pause, SWEEP_EVERY_SECONDS))
