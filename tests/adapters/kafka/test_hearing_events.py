"""Events are heard from now on, and whoever hears them knows when one may have been missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaProducer
from structlog.testing import capture_logs

from adapters.kafka.hearing_events import hear_events
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import create_topics
from app.beside import beside
from app.local_servers import KafkaServer
from tests.adapters.kafka.workers import Cluster, prepared, quick
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
    first, *events, last = hearer.told
    assert (first, last) == (True, False)
    told = {str(each) for each in events}  # "before", too, where its marker was still on its way
    assert told - {str(b"before")} == {str(b"%d" % n) for n in range(12)}


async def test_without_a_topic_it_says_so_and_waits_for_one(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = replace(quick(kafka.bootstrap_servers, topic_prefix), request_timeout_ms=1_000)
    with capture_logs() as logs:
        async with hearing(settings) as hearer:

            async def was_waited_for() -> bool:
                return any(line["event"] == "waiting" for line in logs)

            await until(was_waited_for)
            assert hearer.told == []
            await create_topics(quick(kafka.bootstrap_servers, topic_prefix))
            await until(hearer.is_hearing)


async def test_while_the_broker_is_away_nothing_is_heard_and_that_is_said(
    own_kafka: KafkaServer, topic_prefix: str
) -> None:
    """Of itself a consumer says nothing: no records come, as on a quiet day."""
    cluster = await prepared(quick(own_kafka.bootstrap_servers, topic_prefix))
    async with hearing(cluster.settings) as hearer:
        await until(hearer.is_hearing)
        await asyncio.to_thread(own_kafka.kill)

        async def is_deaf() -> bool:
            return hearer.told[-1] is False

        await until(is_deaf, within_seconds=15)
        await asyncio.to_thread(own_kafka.start)
        await until(hearer.is_hearing)
