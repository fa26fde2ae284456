"""Shares of a batch: no partition is in two, they wait for each other in nothing, and what is taken
for them comes from many partitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from adapters.kafka.batches import Parts, by_partition, shares
from adapters.kafka.commands_consumer import LEAST_SHARE_RECORDS, CommandsConsumer
from adapters.kafka.standstill import Standstill
from adapters.kafka.taking import Taking
from handlers.ports import CommandProcessor, DatabaseAway, Held, Output, Overtaken, Record
from tests.adapters.kafka.test_stuck import GONE, LanesInMemory, of_commands, record

P, Q, R, S = (TopicPartition("t.commands", number) for number in range(4))


def records(source: TopicPartition, count: int = LEAST_SHARE_RECORDS) -> list[Record]:
    return [record(source, offset) for offset in range(count)]


def parts(**counts: int) -> Parts:
    sources = {"p": P, "q": Q, "r": R, "s": S}
    return {sources[name]: records(sources[name], count) for name, count in counts.items()}


def sizes(dealt: Sequence[Parts]) -> list[int]:
    return sorted(sum(map(len, share.values())) for share in dealt)


def test_no_partition_is_in_two_shares_and_none_is_left_out() -> None:
    whole = parts(p=90, q=50, r=50, s=10)
    dealt = shares(whole, most=3, least_records=10)
    assert sizes(dealt) == [50, 60, 90]
    assert sorted(source for share in dealt for source in share) == sorted(whole)
    assert all(share[source] == whole[source] for share in dealt for source in share)


@pytest.mark.parametrize(
    ("whole", "most", "count"),
    [
        (parts(p=1), 4, 1),
        (parts(p=1000), 4, 1),
        (parts(p=30, q=30), 4, 1),
        (parts(p=40, q=40), 4, 2),
        (parts(p=100, q=100, r=100), 2, 2),
        ({}, 4, 1),
    ],
)
def test_small_batches_are_not_dealt_out(whole: Parts, most: int, count: int) -> None:
    assert len(shares(whole, most, least_records=40)) == count


@dataclass
class Each:
    """Partition P fails, or waits for ever; all others are done."""

    error: Exception | None
    done: list[int] = field(default_factory=list)
    alone: list[int] = field(default_factory=list)
    _now: set[int] = field(default_factory=set)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        if alone:
            self.alone += lanes
            assert not self._now, "something went on beside a suspect"
        self._now |= lanes.keys()
        try:
            await asyncio.sleep(0.01)
            if P.partition in lanes and not alone:
                if self.error is None:
                    await asyncio.Event().wait()
                else:
                    raise self.error
            self.done += lanes
            return {partition: [] for partition in lanes}
        finally:
            self._now -= lanes.keys()


async def consumer_of(work: CommandProcessor) -> tuple[CommandsConsumer, LanesInMemory]:
    lanes = LanesInMemory()
    for source in (P, Q):
        await lanes.open(GONE, source)
    return of_commands(cast("Any", work), lanes), lanes


async def test_what_one_share_fails_with_is_no_affair_of_the_others() -> None:
    work = Each(DatabaseAway("gone"))
    consumer, lanes = await consumer_of(work)
    await consumer.consume(GONE, [*records(P), *records(Q)])
    assert work.done == [Q.partition]
    assert lanes.open_ones.keys() == {Q}
    assert consumer.awaited == "the database"


def test_two_causes_in_turns_are_told_once_each_and_grow_their_pauses() -> None:
    standstill = Standstill("commands")
    causes = ["the database", "the keys of tokens"] * 3
    with capture_logs() as lines:
        pauses = [standstill.waits_for(cause, "gone") for cause in causes]
        standstill.over()
        pauses.append(standstill.waits_for("the database", "gone"))
    assert pauses == [0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.1]
    assert [line["event"] for line in lines] == ["waiting", "waiting", "going on", "waiting"]


async def test_who_is_overtaken_by_another_lane_is_not_suspected() -> None:
    work = Each(Overtaken("the command has ended"))
    consumer, lanes = await consumer_of(work)
    lane = lanes.open_ones[P]
    await consumer.consume(GONE, [*records(P), *records(Q)])
    assert work.done == [Q.partition]
    assert lane.suspect_until is None
    assert consumer.awaited is None


async def test_a_share_that_hangs_is_given_up_and_the_others_are_done() -> None:
    work = Each(None)
    consumer, lanes = await consumer_of(work)
    consumer.hurry(0.1)
    await consumer.consume(GONE, [*records(P), *records(Q)])
    assert work.done == [Q.partition]
    assert not lanes.open_ones, "all of it comes again, what is published is silent then"


async def test_nothing_goes_on_beside_what_is_suspected() -> None:
    work = Each(DatabaseAway("gone"))
    consumer, lanes = await consumer_of(work)
    lanes.open_ones[P].suspect_until = 2
    await consumer.consume(GONE, [*records(P), *records(Q)])
    assert work.alone == [P.partition] * 2


class Buffered:
    """A consumer as aiokafka's: all it has of one partition before it looks at the next."""

    def __init__(self, whole: Mapping[TopicPartition, int], failing: bool = False) -> None:
        self._left = dict(whole)
        self._at = dict.fromkeys(whole, 0)
        self._failing = failing
        self._subscription = SubscriptionState()
        self.asked = 0

    def assignment(self) -> set[TopicPartition]:
        return set(self._left)

    async def getmany(
        self, *of: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        self.asked += 1
        if of and self._failing:
            raise KafkaError
        found: dict[TopicPartition, list[Record]] = {}
        for source in list(self._left):
            count = min(self._left[source], max_records)
            if count and (not of or source in of):
                first = self._at[source]
                found[source] = [record(source, first + each) for each in range(count)]
                self._at[source] += count
                self._left[source] -= count
                max_records -= count
        return found


async def taken(consumer: Buffered, most: int = 30, shares: int = 3) -> dict[int, int]:
    found = await Taking(most, shares).records(cast("AIOKafkaConsumer", consumer))
    by_source = by_partition(found)
    for part in by_source.values():
        assert [each.offset for each in part] == list(range(len(part))), "in their order"
    return {source.partition: len(part) for source, part in by_source.items()}


async def test_each_share_is_of_other_partitions() -> None:
    assert await taken(Buffered({P: 100, Q: 100, R: 100, S: 100})) == {0: 10, 1: 10, 2: 10}
    assert await taken(Buffered({P: 4, Q: 100, R: 7, S: 100})) == {0: 4, 1: 8, 2: 7, 3: 5}


async def test_what_room_is_left_is_for_those_that_have_more() -> None:
    assert await taken(Buffered({P: 100})) == {0: 30}
    assert await taken(Buffered({P: 100, Q: 100})) == {0: 15, 1: 15}
    assert await taken(Buffered({P: 100, Q: 3})) == {0: 18, 1: 3}


@pytest.mark.parametrize("most", [1, 2, 5, 31])
async def test_never_more_than_asked_for(most: int) -> None:
    found = await taken(Buffered({P: 100, Q: 100, R: 100, S: 100}), most, 4)
    assert sum(found.values()) <= most


async def test_what_is_not_full_is_not_asked_again() -> None:
    consumer = Buffered({P: 3, Q: 0})
    assert await taken(consumer) == {0: 3}
    assert consumer.asked == 1


async def test_what_fails_behind_takes_nothing_away() -> None:
    assert await taken(Buffered({P: 100, Q: 100}, failing=True)) == {0: 10}
