"""Database or Kafka are killed under load: the worker waits, says so once, and goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, LocalServers, PostgresServer
from app.local_servers.embedded_kafka import kafka as embedded_kafka
from app.local_servers.embedded_postgres import postgres as embedded_postgres
from tests.service.asking import book
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COMMANDS = 120


@pytest.fixture(scope="module")
def own_servers() -> Iterator[LocalServers]:
    """Servers that nobody else uses, so that they may be killed."""
    with ExitStack() as held, ThreadPoolExecutor(2) as starting:
        kafka = starting.submit(held.enter_context, embedded_kafka(silent))
        postgres = starting.submit(held.enter_context, embedded_postgres(silent))
        brokers, broker = kafka.result()
        url, database = postgres.result()
        yield LocalServers(KafkaServer(broker, brokers), PostgresServer(database, url))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(own_servers: LocalServers) -> AsyncIterator[House]:
    """One worker that takes small batches, so that an outage meets several."""
    settings = {"BOOKING_KAFKA__MAX_BATCH_RECORDS": "20"}
    async with a_house(own_servers.kafka, own_servers.postgres, settings=settings) as running:
        await book(running, a_guest())
        yield running


def silent(line: str) -> None:
    """Nobody waits for these servers' news."""


async def send(house: House) -> list[Sent]:
    """Many creates, all at venues of their own."""
    return await asyncio.gather(
        *(
            house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(COMMANDS)
        )
    )


async def has_said(house: House, event: str, awaited: str) -> bool:
    """Whether some part of the worker did."""
    return bool(who_said(house, event, awaited))


def who_said(house: House, event: str, awaited: str) -> list[str]:
    """The parts of the worker that did, in order."""
    (worker,) = house.workers
    return [
        line["who"]
        for line in worker.lines()
        if line["event"] == event and line.get("awaited") == awaited
    ]


def said_once_each(house: House, awaited: str) -> None:
    """Demand that no part repeated that it waits."""
    waiting = Counter(who_said(house, "waiting", awaited))
    assert set(waiting.values()) == {1}, waiting


async def test_a_killed_kafka_loses_and_doubles_nothing(
    house: House, own_servers: LocalServers
) -> None:
    sent = await send(house)
    # At once, while most lanes are still to be opened: one with all lanes open and its work done
    # takes up to ten seconds to notice.
    await asyncio.to_thread(own_servers.kafka.kill)
    await until(lambda: has_said(house, "waiting", "Kafka"))
    await asyncio.to_thread(own_servers.kafka.start)
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}
    await until(lambda: has_said(house, "going on", "Kafka"))
    said_once_each(house, "Kafka")
    await check(house)


async def test_a_killed_database_loses_and_doubles_nothing(
    house: House, own_servers: LocalServers
) -> None:
    sent = await send(house)
    await house.client.reply_to_sent(sent[0])
    await asyncio.to_thread(own_servers.postgres.kill)
    await until(lambda: has_said(house, "waiting", "the database"))
    await asyncio.to_thread(own_servers.postgres.start)
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}
    await until(lambda: has_said(house, "going on", "the database"))
    said_once_each(house, "the database")
    await check(house)
