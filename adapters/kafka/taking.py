"""What is taken from Kafka at once: a share of records, and further ones of other partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

# Records end the wait as soon as they are there; this is how often nothing at all is an answer.
_WAIT_MS: Final = 200


@dataclass(frozen=True, slots=True)
class Taking:
    """Up to `shares` times `share_records`.

    aiokafka gives all it has of one partition before it looks at the next, and no partition may be
    in two shares: asked for everything at once it would fill them all from a single one.
    """

    share_records: int
    shares: int

    async def records(self, consumer: AIOKafkaConsumer) -> Sequence[Any]:
        """The next records, each partition's in their order; none when none came for a while."""
        taken: dict[TopicPartition, list[Any]] = await consumer.getmany(
            timeout_ms=_WAIT_MS, max_records=self.share_records
        )
        found = taken
        for _ in range(self.shares - 1):
            others = consumer.assignment() - taken.keys()
            if not others or _count(found) < self.share_records:
                break
            try:
                found = await consumer.getmany(
                    *others, timeout_ms=0, max_records=self.share_records
                )
            except KafkaError:  # of one of the others, and it comes again; what we have does not
                break
            taken = taken | found
        return tuple(chain.from_iterable(taken.values()))


def _count(found: dict[TopicPartition, list[Any]]) -> int:
    return sum(map(len, found.values()))
