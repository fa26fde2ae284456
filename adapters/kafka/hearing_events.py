"""Reading the events along, from now on, for as long as the worker lives."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiokafka.errors import KafkaError

from adapters.kafka.rights_held import in_words
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import TopicNames
from adapters.kafka.watching import watching


class Hearer(Protocol):
    """Whom events concern."""

    def hears(self, is_heard: bool) -> None:
        """Whether from now on every event is told."""
        ...

    def changed(self, event: bytes | None) -> None:
        """One event's value."""
        ...


async def hear_events(settings: KafkaSettings, hearer: Hearer) -> None:
    """Tell every event that is committed from now on, and when there is a gap; never ends."""
    standstill = Standstill("events")
    while True:
        try:
            async with watching(settings, TopicNames(settings.topic_prefix).events) as records:
                hearer.hears(True)
                standstill.over()
                async for record in records:
                    hearer.changed(record.value)
        except (KafkaError, OSError) as error:
            hearer.hears(False)
            await asyncio.sleep(standstill.waits_for("Kafka", in_words(error)))
