"""Kafka goes away under a worker that has work in hand: it waits, says so once, and goes on."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from adapters.kafka.directory import TopicDirectory
from adapters.kafka.standstill import Standstill
from app.local_servers import KafkaServer
from tests.adapters.kafka.workers import Echo, prepared, quick, working


async def test_a_killed_broker_that_comes_back_loses_and_doubles_nothing(
    own_kafka: KafkaServer, topic_prefix: str
) -> None:
    cluster = await prepared(quick(own_kafka.bootstrap_servers, topic_prefix))
    sent = [f"c{number:05}".encode() for number in range(2_400)]
    started = asyncio.Event()

    async def tell(*_: object) -> None:
        started.set()

    async with working(cluster.settings, Echo(cluster.names.events, before=tell)):
        await cluster.send(sent)
        await started.wait()
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.to_thread(own_kafka.start)
        events = await cluster.events(len(sent), within_seconds=40)
    assert sorted(event.value or b"" for event in events) == sent


async def test_a_worker_that_finds_no_broker_says_so_once_and_waits() -> None:
    directory = TopicDirectory(quick("127.0.0.1:1", "nowhere"))
    with capture_logs() as lines:
        starting = asyncio.create_task(directory.start(Standstill("worker")))
        async with asyncio.timeout(20):  # a busy machine takes its time for the first try
            while not lines:  # noqa: ASYNC110 - a log sends no event
                await asyncio.sleep(0.01)
        done, _ = await asyncio.wait([starting], timeout=1.5)
        starting.cancel()
        await asyncio.wait([starting])
    assert not done
    assert [(line["event"], line["awaited"]) for line in lines] == [("waiting", "Kafka")]
