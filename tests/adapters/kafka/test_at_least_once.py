"""The cheaper mode: the same lanes and epochs, outputs first and then the offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from app.local_servers import KafkaServer
from handlers.ports import DatabaseAway, Held, Record
from tests.adapters.kafka.test_lanes import numbered, values
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, prepared, quick, working


@pytest.fixture
async def cluster(kafka: KafkaServer, topic_prefix: str) -> Cluster:
    settings = replace(quick(kafka.bootstrap_servers, topic_prefix), delivery="at_least_once")
    return await prepared(settings)


async def test_every_command_is_done_and_its_offset_committed(cluster: Cluster) -> None:
    sent = numbered(240)
    await cluster.send(sent)
    rows = LaneRowsInMemory()
    async with working(cluster.settings, Echo(cluster.names.events), rows):
        events = await cluster.events(len(sent))
    assert values(events) == sent
    assert await cluster.committed_offsets() == dict.fromkeys(range(12), 20)
    assert {state.mark and state.mark.offset for state in rows.rows.values()} == {20}


async def test_a_batch_that_fails_comes_again(cluster: Cluster) -> None:
    await cluster.send(numbered(6), partition=2)
    failures = [DatabaseAway("gone")]

    async def fail_once(records: object, lanes: Mapping[int, Held]) -> None:
        if failures:
            raise failures.pop()

    async with working(cluster.settings, Echo(cluster.names.events, before=fail_once)):
        events = await cluster.events(6)
    assert values(events) == numbered(6)


async def test_a_crash_between_outputs_and_offset_publishes_the_same_bytes_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the mode does not promise: nothing is lost, but it may come twice."""
    await cluster.send(numbered(3), partition=2)
    commit, failures = AIOKafkaConsumer.commit, [CommitFailedError("somebody else has it")]

    async def fail_once(
        consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        if failures:
            raise failures.pop()
        await commit(consumer, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", fail_once)
    async with working(cluster.settings, Echo(cluster.names.events)):
        events = await cluster.events(6)
    assert values(events) == sorted(numbered(3) * 2)
    assert await cluster.committed_offsets() == {2: 3}


async def test_the_records_after_it_go_on(cluster: Cluster) -> None:
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo):
        for name in ("a", "b"):
            await cluster.send(numbered(5, name), partition=3)
            await cluster.events({"a": 5, "b": 10}[name])
    done: list[Record] = [record for batch in echo.batches for record in batch]
    assert [record.value for record in done] == numbered(5, "a") + numbered(5, "b")
