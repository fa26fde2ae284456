"""A second worker comes while the first has a batch in hand: the batch ends before it is let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest
from aiokafka import TopicPartition

from adapters.kafka.commands_consumer import CommandsConsumer
from app.local_servers import KafkaServer
from handlers.ports import Held, Record
from tests.adapters.kafka.test_lanes import numbered, values
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, prepared, quick, working

PATIENCE_SECONDS = 3.0
"""So long the batch waits for the newcomer to begin its work, which it must not while it waits."""


@pytest.fixture(params=["exactly_once", "at_least_once"])
async def cluster(request: pytest.FixtureRequest, kafka: KafkaServer, topic_prefix: str) -> Cluster:
    """In either mode; in the second one Kafka refuses nobody's outputs."""
    settings = replace(
        quick(kafka.bootstrap_servers, topic_prefix),
        delivery=request.param,
        rebalance_timeout_ms=60_000,  # or a busy machine gives the batch up, which is done again
    )
    return await prepared(settings)


async def test_a_newcomer_begins_only_when_the_batch_in_hand_has_ended(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.send(numbered(24))
    in_hand, revoked, newcomer_began = asyncio.Event(), asyncio.Event(), asyncio.Event()
    revoke = CommandsConsumer.on_partitions_revoked

    async def told(consumer: CommandsConsumer, partitions: Collection[TopicPartition]) -> None:
        if in_hand.is_set():
            revoked.set()
        await revoke(consumer, partitions)

    monkeypatch.setattr(CommandsConsumer, "on_partitions_revoked", told)

    async def hold_the_first_batch(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if not in_hand.is_set():
            in_hand.set()
            await revoked.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(newcomer_began.wait(), PATIENCE_SECONDS)

    async def begin(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        newcomer_began.set()

    rows = LaneRowsInMemory()
    first = Echo(cluster.names.events, before=hold_the_first_batch)
    newcomer = Echo(cluster.names.events, before=begin)
    async with working(cluster.settings, first, rows):
        await in_hand.wait()
        async with working(cluster.settings, newcomer, rows):
            events = await cluster.events(24)
            await cluster.send(numbered(24, "d"))
            events = await cluster.events(48)
    assert values(events) == numbered(24) + numbered(24, "d")
    done = [record.value for echo in (first, newcomer) for b in echo.batches for record in b]
    assert sorted(done, key=str) == numbered(24) + numbered(24, "d"), "no work was done twice"
