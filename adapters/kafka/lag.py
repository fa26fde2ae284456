"""How many records of the assigned partitions are not done yet, looked at once a second.

What the broker said with the last fetch is all there is to it: no request is made. A partition that
rests after a failure is not fetched, so its figure stands still until it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.instruments import Labels


class Lag:
    """The last look; read by the exporter's thread, so each look makes a new one."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}."
        self._seen: Mapping[TopicPartition, int] = {}

    def look(
        self,
        consumers: Iterable[AIOKafkaConsumer | None],
        in_hand: Mapping[TopicPartition, int],
    ) -> None:
        """`in_hand`: the first offsets of what is being done."""
        seen: dict[TopicPartition, int] = {}
        for consumer in consumers:
            if consumer is not None:
                seen |= _lag(consumer, in_hand)
        self._seen = seen

    def read(self) -> Iterable[tuple[float, Labels]]:
        return [
            (
                lag,
                {
                    "topic": source.topic.removeprefix(self._prefix),
                    "partition": str(source.partition),
                },
            )
            for source, lag in self._seen.items()
        ]


def _lag(
    consumer: AIOKafkaConsumer, in_hand: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Up to the position all is done, but for what is in hand."""
    subscription = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return {}
    assignment = subscription.assignment
    lag: dict[TopicPartition, int] = {}
    for source, position in assignment.all_consumed_offsets().items():
        highwater = assignment.state_value(source).highwater
        if highwater is not None:
            done = min(position.offset, in_hand.get(source, position.offset))
            lag[source] = max(0, highwater - done)
    return lag
