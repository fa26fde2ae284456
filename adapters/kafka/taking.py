"""What is taken from Kafka at once: from many partitions, then more of the same ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

# Records end the wait as soon as they are there; this is how often nothing at all is an answer.
_WAIT_MS: Final = 200

_Taken = dict[TopicPartition, list[Any]]


@dataclass(frozen=True, slots=True)
class Taking:
    """Up to `most` records, from so many partitions that they can be dealt out into `shares`.

    aiokafka gives all it has of one partition before it looks at the next, and no partition may be
    in two shares: asked for everything at once it would fill them all from a single one.
    """

    most: int
    shares: int

    async def records(self, consumer: AIOKafkaConsumer) -> Sequence[Any]:
        """The next records, each partition's in their order; none when none came for a while."""
        share = max(1, self.most // self.shares)
        taken = await _fetched(consumer, (), _WAIT_MS, share)
        if _count(taken) == share:  # there may be more
            while others := consumer.assignment() - taken.keys():
                found = await _at_hand(consumer, others, min(share, self.most - _count(taken)))
                if not found:
                    break
                taken = taken | found
            room = (self.most - _count(taken)) // len(taken)
            for source, part in taken.items():
                more = await _at_hand(consumer, [source], room)
                part.extend(more.get(source, ()))
        return tuple(chain.from_iterable(taken.values()))


async def _at_hand(
    consumer: AIOKafkaConsumer, sources: Collection[TopicPartition], room: int
) -> _Taken:
    """What is there of these already. An error of theirs comes again; what we hold would not."""
    if not room:
        return {}
    try:
        return await _fetched(consumer, sources, 0, room)
    except KafkaError:
        return {}


async def _fetched(
    consumer: AIOKafkaConsumer, sources: Collection[TopicPartition], wait_ms: int, most: int
) -> _Taken:
    """Of these sources, of all when none is named; an error loses nothing.

    aiokafka meets with a damaged batch when it has taken records of other partitions already. It
    forgets them with the error but stays behind them, and they would never come.
    """
    assignment = _assignment(consumer)
    before = assignment.all_consumed_offsets() if assignment else {}
    try:
        found: _Taken = await consumer.getmany(*sources, timeout_ms=wait_ms, max_records=most)
    except BaseException:
        if _assignment(consumer) is assignment:
            for source, position in before.items():
                if assignment.state_value(source).position != position.offset:
                    consumer.seek(source, position.offset)
        raise
    return found


def _assignment(consumer: AIOKafkaConsumer) -> Any:
    """None while there is none, and another one after each rebalance."""
    subscription = consumer._subscription.subscription
    return subscription and subscription.assignment


def _count(taken: _Taken) -> int:
    return sum(map(len, taken.values()))
