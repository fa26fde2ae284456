"""What a worker's Kafka side says that it waits for, also while it has nothing to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.kafka import directory
from adapters.kafka.broker import KafkaSide
from adapters.kafka.topics import TopicNames, create_topics
from app.local_servers import KafkaServer
from handlers.ports import DatabaseAway, LaneState
from tests.adapters.kafka.test_lanes import numbered
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, quick, working
from tests.service.waiting import until


def awaits(side: KafkaSide, begins: str | None) -> Callable[[], Awaitable[bool]]:
    """Whether it waits for what begins like this; None: for nothing."""

    async def holds() -> bool:
        if begins is None or side.awaited is None:
            return side.awaited == begins
        return side.awaited.startswith(begins)

    return holds


async def test_out_of_its_group_it_waits_for_its_place(cluster: Cluster) -> None:
    # Its old self has to be given up before it gets in again.
    settings = replace(cluster.settings, session_timeout_ms=1_500)
    async with working(settings, Echo(cluster.names.events)) as side:
        await until(awaits(side, None))
        coordinator = consumers_of(side)[0]._coordinator
        group = coordinator.group_id
        coordinator.coordinator_dead()
        assert side.awaited == f"Kafka: the coordinator of the group {group}"
        await until(awaits(side, None))
        coordinator.reset_generation()
        assert side.awaited == f"its place in the group {group}"
        await until(awaits(side, None))
    assert side.awaited == "the batch in hand, and stops"


async def test_who_has_no_partition_stands_by_and_is_ready(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = quick(kafka.bootstrap_servers, topic_prefix)
    names = TopicNames(topic_prefix)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    few = [NewTopic(name, 1, 1) for name in (names.commands, names.queries)]
    await admin.create_topics(few)
    await admin.close()
    await create_topics(settings)
    async with (
        working(settings, Echo(names.events)) as one,
        working(settings, Echo(names.events)) as other,
    ):

        async def is_shared() -> bool:
            return sorted(map(shares_of, (one, other))) in ([0, 2], [1, 1])

        await until(is_shared)
        assert (one.awaited, other.awaited) == (None, None)


def consumers_of(side: KafkaSide) -> list[Any]:
    """Of commands and of queries, in any order."""
    subscribers: list[Any] = list(side.broker.subscribers)
    return [subscriber.consumer for subscriber in subscribers]


def shares_of(side: KafkaSide) -> int:
    """How many partitions of both topics."""
    return sum(len(consumer.assignment()) for consumer in consumers_of(side))


async def test_a_topic_that_is_deleted_is_missed_until_it_is_back(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "REFRESHED_EVERY_SECONDS", 0.1)
    admin = AIOKafkaAdminClient(**cluster.settings.connection())
    await admin.start()
    try:
        async with working(cluster.settings, Echo(cluster.names.events)) as side:
            await until(awaits(side, None))
            await admin.delete_topics([cluster.names.guest_keys])
            await until(awaits(side, f"the topic {cluster.names.guest_keys}"))
            await create_topics(cluster.settings)
            await until(awaits(side, None))
    finally:
        await admin.close()


@dataclass
class OneLaneStaysShut(LaneRowsInMemory):
    """Until it is told otherwise."""

    shut: set[int] = field(default_factory=set)

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        if partition in self.shut:
            raise DatabaseAway("its row is locked")
        return await super().open_lane(topic, partition)


async def test_a_partition_that_does_not_open_is_told_however_well_the_others_work(
    cluster: Cluster,
) -> None:
    rows = OneLaneStaysShut(shut={3})
    await cluster.send(numbered(2), partition=3)
    async with working(cluster.settings, Echo(cluster.names.events), rows) as side:
        await until(awaits(side, "the database"))
        await cluster.send(numbered(4, "d"), partition=7)
        await cluster.events(4)
        assert side.awaited == "the database", "the work of 7 says nothing about 3"
        rows.shut.clear()
        await cluster.events(6)
        await until(awaits(side, None))
