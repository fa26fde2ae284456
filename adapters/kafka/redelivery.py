"""Puts a partition back to the first record that is not done, and lets it rest before that."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition


class Redelivery:
    """Resting partitions are paused, so others go on, heartbeats too, and no poll is late."""

    def __init__(self) -> None:
        self._resting: dict[TopicPartition, asyncio.TimerHandle] = {}

    def again(
        self,
        consumer: AIOKafkaConsumer,
        source: TopicPartition,
        first_offset: int,
        rest_seconds: float,
    ) -> None:
        """Have the records from `first_offset` on delivered again after the rest.

        Without going back they would never come: the consumer's position is past them. A partition
        that is not assigned is left alone, its next owner begins at the committed offset.
        """
        if source not in consumer.assignment():
            return
        consumer.seek(source, first_offset)
        self._forget(source)
        if rest_seconds > 0:
            consumer.pause(source)
            self._resting[source] = asyncio.get_running_loop().call_later(
                rest_seconds, self._wake, consumer, source
            )

    def forget_all(self) -> None:
        """At a rebalance: the group's new assignment is not paused."""
        for source in list(self._resting):
            self._forget(source)

    def _forget(self, source: TopicPartition) -> None:
        if timer := self._resting.pop(source, None):
            timer.cancel()

    def _wake(self, consumer: AIOKafkaConsumer, source: TopicPartition) -> None:
        self._resting.pop(source, None)
        if source in consumer.assignment():
            consumer.resume(source)
