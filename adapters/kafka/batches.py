"""A batch by input partition, the unit in which lanes own, publish and go back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from handlers.ports import Record

Parts = Mapping[TopicPartition, Sequence[Record]]

REPLY_TOPIC_HEADERS = frozenset({"reply_to", "kafka_replyTopic"})
LONGEST_TOPIC_NAME = 249  # bytes, Kafka's own bound


def by_partition(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    """The records of each partition, in the order of their offsets."""
    parts: dict[TopicPartition, list[Record]] = {}
    for record in records:
        source = TopicPartition(record.topic, record.partition)
        parts.setdefault(source, []).append(record)
    return parts


def shares(parts: Parts, most: int, least_records: int) -> list[Parts]:
    """The parts dealt out into up to `most` shares of about as many records each, and of so many at
    least; no partition is in two.
    """
    records = sum(map(len, parts.values()))
    count = max(1, min(most, len(parts), records // least_records))
    dealt: list[dict[TopicPartition, Sequence[Record]]] = [{} for _ in range(count)]
    sizes = [0] * count
    for source, part in sorted(parts.items(), key=lambda each: -len(each[1])):
        smallest = sizes.index(min(sizes))
        dealt[smallest][source] = part
        sizes[smallest] += len(part)
    return list(dealt)


def reply_topics(records: Sequence[Record]) -> set[str]:
    """The topics that clients want their replies in, as far as they can be names of topics."""
    return {
        value.decode()
        for record in records
        for name, value in record.headers
        if name in REPLY_TOPIC_HEADERS
        and value
        and len(value) <= LONGEST_TOPIC_NAME
        and value.isascii()
    }
