"""Events are heard from now on, and whoever hears them knows when one may have been missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaProducer

from adapters.kafka.hearing_events import hear_events
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import create_topics
from app.beside import beside
from app.local_servers import KafkaServer
from tests.adapters.kafka.workers import Cluster, quick
from tests.service.waiting import until


@dataclass
class Hearer:
    """Notes what it is told."""

    told: list[object] = field(default_factory=list)

    def hears(self, is_heard: bool) -> None:
        self.told.append(is_heard)

    def changed(self, event: bytes | None) -> None:
        self.told.append(event)

    async def is_hearing(self) -> bool:
        return self.told[-1:] == [True]


@asynccontextmanager
async def hearing(settings: KafkaSettings) -> AsyncIterator[Hearer]:
    hearer = Hearer()
    async with beside(hear_events(settings, hearer)):
        yield hearer


async def test_what_is_committed_from_now_on_is_told(cluster: Cluster) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.settings.bootstrap_servers,
        transactional_id=f"{cluster.settings.topic_prefix}-test",
    )
    async with producer:
        async with producer.transaction():
            await producer.send(cluster.names.events, b"before")
        async with hearing(cluster.settings) as hearer:
            await until(hearer.is_hearing)
            await producer.begin_transaction()
            await producer.send_and_wait(cluster.names.events, b"never committed")
            await producer.abort_transaction()
            async with producer.transaction():
                for partition in range(12):
                    await producer.send(
                        cluster.names.events, b"%d" % partition, partition=partition
                    )

            async def all_told() -> bool:
                return len(hearer.told) >= 13

            await until(all_told)
    first, *events = hearer.told
    assert first is True
    assert {str(each) for each in events} == {str(b"%d" % n) for n in range(12)}


async def test_without_a_topic_it_says_so_and_waits_for_one(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = replace(quick(kafka.bootstrap_servers, topic_prefix), request_timeout_ms=1_000)
    async with hearing(settings) as hearer:

        async def is_deaf() -> bool:
            return False in hearer.told

        await until(is_deaf)
        assert True not in hearer.told
        await create_topics(quick(kafka.bootstrap_servers, topic_prefix))
        await until(hearer.is_hearing)
    await asyncio.sleep(0)
