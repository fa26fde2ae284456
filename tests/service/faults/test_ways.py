"""One of two workers loses its way to one server and keeps the one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiokafka import TopicPartition

from adapters.kafka.directory import TopicDirectory
from adapters.kafka.publishing import TransactionalPublisher
from adapters.kafka.refusals import Refusals
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.demo.partners.faults import Fault, Kind
from app.local_servers import KafkaServer, PostgresServer
from app.local_servers.loopback import HOST
from handlers.ports import Mark
from tests.fakes.sealing import FakeServiceKeys
from tests.service.asking import failing
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.faults.ends import Ends
from tests.service.faults.proxy import Fate, Proxy, proxy
from tests.service.faults.ways import KAFKA, connections, way_to_the_database
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.waiting import PATIENCE_SECONDS, until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COMMANDS = 60  # enough that both workers have some
SLOW = Fault(Kind.LATENCY, "reserve", times=None, seconds=0.5)


@dataclass(frozen=True, slots=True)
class Ways:
    """A house with two workers, of which the far one reaches its servers through proxies."""

    house: House
    far: WorkerProcess
    to_database: Proxy
    to_kafka: Proxy
    ends: Ends

    async def all_answered(self, sent: Sequence[Sent]) -> None:
        """Returns when everything sent has been accepted."""
        replies = [await self.house.client.reply_to_sent(each) for each in sent]
        assert {reply.status for reply in replies} == {201}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(
    kafka_and_the_way_in: tuple[KafkaServer, int, int], postgres: PostgresServer
) -> AsyncIterator[Ways]:
    kafka, port, through = kafka_and_the_way_in
    ends = Ends()
    # One connection each: it has prepared every statement before the first fault.
    one = {"BOOKING_DATABASE__POOL_SIZE": "1"}
    async with (
        a_house(kafka, postgres, settings=one) as house,
        way_to_the_database(house) as (to_database, settings),
        proxy(through, (HOST, port), up=ends.up, down=ends.down) as to_kafka,
    ):
        far = house.new_worker({**settings, KAFKA: to_kafka.address})
        far.start()
        yield Ways(house, far, to_database, to_kafka, ends)


@pytest_asyncio.fixture(loop_scope="module")
async def ways(lasting: Ways) -> AsyncIterator[Ways]:
    """Both workers take part, before and after; every invariant is demanded at the end."""
    house = lasting.house
    await house.has_members(2)
    await lasting.all_answered(await send(house))
    yield lasting
    await house.has_members(2)
    await lasting.all_answered(await send(house))
    await check(house)


async def send(house: House) -> list[Sent]:
    """Many creates, all at venues of their own and so in all lanes."""
    return await asyncio.gather(
        *(
            house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(COMMANDS)
        )
    )


async def test_a_worker_without_the_database_goes_on_when_it_is_back(ways: Ways) -> None:
    house, told = ways.house, len(waits(ways.far))
    calls = len(house.partners.inventory.ledger())

    async def has_begun() -> bool:
        return len(house.partners.inventory.ledger()) > calls

    async def has_noticed() -> bool:
        return len(waits(ways.far)) > told

    with failing(house.partners.inventory, SLOW):
        sent = await send(house)
        await until(has_begun)
        ways.to_database.cut()
        await until(has_noticed)
    assert await house.members() == 2, (
        "it keeps its partitions: the group knows nothing of databases"
    )
    await ways.to_database.heal()
    await ways.all_answered(sent)


def waits(worker: WorkerProcess) -> list[str]:
    """What parts of the worker began to wait for the database, over all its life."""
    return [
        line["who"]
        for line in worker.lines()
        if line["event"] == "waiting" and line["awaited"] == "the database"
    ]


async def test_a_transaction_that_the_server_gave_up_in_the_silence_is_done_again(
    ways: Ways,
) -> None:
    house, recording = ways.house, "query like 'insert into outcomes %'"
    async with house.database.acquire() as connection, connection.transaction():
        await connection.execute("lock table outcomes in share mode")
        sent = await send(house)

        async def both_wait() -> bool:
            return await connections(house, f"wait_event_type = 'Lock' and {recording}") == 2

        await until(both_wait)
        ways.to_database.fall_silent()

    async def is_given_up() -> bool:
        return not await connections(house, f"state <> 'idle' and {recording}")

    await until(is_given_up)
    await ways.to_database.heal()
    await ways.all_answered(sent)


@pytest.mark.parametrize("fate", Fate, ids=[fate.name.lower() for fate in Fate])
async def test_a_worker_without_kafka_is_replaced_whatever_became_of_its_transaction(
    ways: Ways, fate: Fate
) -> None:
    ways.ends.order(fate)
    sent = await send(ways.house)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await ways.ends.met.wait()
    await ways.all_answered(sent)
    await ways.house.has_members(1)
    await ways.to_kafka.heal()


async def test_an_end_that_nobody_answers_is_an_outage_and_no_bug(ways: Ways) -> None:
    """An error of another kind would have the records suspected, and in the end set aside."""
    house = ways.house
    settings = KafkaSettings(ways.to_kafka.address, "nobody", request_timeout_ms=1_500)
    directory = TopicDirectory(settings)
    refusals = Refusals(TopicNames(house.prefix), directory, FakeServiceKeys())
    source = TopicPartition(f"{house.prefix}.commands", 0)
    publisher = TransactionalPublisher(settings, source, refusals)
    await publisher.start()
    try:
        ways.ends.order(Fate.LATE)
        with pytest.raises(TimeoutError):
            await publisher.publish([], Mark(1, 1))
    finally:
        await ways.to_kafka.heal()
        await publisher.stop()
