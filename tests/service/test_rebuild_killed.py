"""A rebuild is killed with all its processes, in the middle; begun once more, it ends as any."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from adapters.database.migrations import migrate
from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.callers import a_guest
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.story import at_rest
from tests.service.waiting import until
from tests.service.worker import BOOKING, REPOSITORY, environment

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core has one process only"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


async def bookings_of_all_shares(house: House) -> list[dict[str, Any]]:
    """So many that each process of a rebuild finds one of them."""
    shares, made = set[int](), list[dict[str, Any]]()
    of = min(len(os.sched_getaffinity(0)), PARTITIONS)
    while len(shares) < of:
        made.append(await book(house, a_guest()))
        shares.add(home_partition(made[-1]["id"].encode(), PARTITIONS) % of)
    return made


async def an_empty_database(postgres: PostgresServer) -> str:
    url = await postgres.create_database(f"killed_{uuid.uuid4().hex[:10]}")
    await asyncio.to_thread(migrate, url)
    return url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def killed_half_way(house: House, url: str, made: list[dict[str, Any]]) -> None:
    """One process waits for a row that nobody commits, until another one has written."""
    async with connected(url) as holding, connected(url) as looking:
        await holding.execute("begin")
        await holding.execute(
            "insert into booking_references values ($1, $2)",
            made[-1]["booking_reference"],
            uuid.UUID(made[-1]["id"]),
        )
        process = await asyncio.create_subprocess_exec(
            *BOOKING,
            "rebuild",
            env=environment({**house.settings, "BOOKING_DATABASE__URL": url}),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

        async def half_written() -> bool:
            return bool(await looking.fetchval("select count(*) from bookings"))

        try:
            await until(half_written)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        assert await looking.fetchval("select count(*) from bookings") < len(made)


async def test_a_rebuild_that_was_killed_goes_on(house: House, postgres: PostgresServer) -> None:
    made = await bookings_of_all_shares(house)
    await at_rest(house)
    (worker,) = house.workers
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    await house.has_members(0)
    undisturbed, url = await an_empty_database(postgres), await an_empty_database(postgres)
    expected = await booking(
        house, "rebuild", "--json", settings={"BOOKING_DATABASE__URL": undisturbed}
    )
    assert expected.json["whole"]["bookings"] == {"pending": len(made)}

    await killed_half_way(house, url, made)
    refused = await booking(house, "run", settings={"BOOKING_DATABASE__URL": url})
    assert (refused.code, "is not finished" in refused.err) == (1, True)
    ran = await booking(house, "rebuild", "--json", settings={"BOOKING_DATABASE__URL": url})
    assert (ran.code, ran.json["whole"]) == (0, expected.json["whole"]), ran.err
