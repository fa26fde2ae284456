"""Queries on real Kafka: answered, committed, and asked again after whatever goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.kafka.publishing import BrokerPublisher
from handlers.ports import DatabaseAway, Held, Output, Record
from tests.adapters.kafka.workers import Cluster, Echo, working


async def ask(cluster: Cluster, count: int) -> None:
    publisher = BrokerPublisher(cluster.settings)
    await publisher.publish(
        [Output(cluster.names.queries, None, f"q{n}".encode(), (), n % 12) for n in range(count)]
    )
    await publisher.stop()


async def test_queries_are_answered_without_a_lane(cluster: Cluster) -> None:
    async with working(cluster.settings, Echo(cluster.names.events)):
        await ask(cluster, 30)
        answers = await cluster.events(30)
    assert {answer.value for answer in answers} == {f"q{n}".encode() for n in range(30)}


async def test_a_worker_that_starts_again_does_not_answer_again(cluster: Cluster) -> None:
    await ask(cluster, 12)
    async with working(cluster.settings, Echo(cluster.names.events)):
        await cluster.events(12)
    async with working(cluster.settings, Echo(cluster.names.events)):
        await ask(cluster, 1)
        answers = await cluster.events(13)
    assert len(answers) == 13


async def test_queries_that_failed_are_answered_when_the_database_is_back(cluster: Cluster) -> None:
    failures = [DatabaseAway("away")] * 2

    async def away(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if failures:
            raise failures.pop()

    await ask(cluster, 3)
    async with working(cluster.settings, Echo(cluster.names.events, before=away)):
        answers = await cluster.events(3)
    assert {answer.value for answer in answers} == {b"q0", b"q1", b"q2"}
