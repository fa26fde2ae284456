"""Which partition a key belongs to: Kafka's default partitioner, the same as the Java client's."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def home_partition(key: bytes, partitions: int) -> int:
    """The partition of `key` in a topic of so many partitions."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
