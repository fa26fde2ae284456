"""Reading the events along, from now on, for as long as the worker lives."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from adapters.kafka.rights_held import in_words
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import TopicNames
from adapters.kafka.watching import Watched, watching

_ASK_EVERY_SECONDS: Final = 1.0


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
            async with watching(settings, TopicNames(settings.topic_prefix).events) as watched:
                hearer.hears(True)
                standstill.over()
                try:
                    await _tell(watched, hearer)
                finally:  # at once: to leave a cluster that is away takes a while
                    hearer.hears(False)
        except (KafkaError, OSError) as error:
            await asyncio.sleep(standstill.waits_for("Kafka", in_words(error)))


async def _tell(watched: Watched, hearer: Hearer) -> None:
    """Until the brokers are away. Raises KafkaError, TimeoutError."""
    asked = monotonic()
    while True:
        for record in await watched.batch():
            hearer.changed(record.value)
        if monotonic() - asked >= _ASK_EVERY_SECONDS:
            await watched.ask_brokers()
            asked = monotonic()
