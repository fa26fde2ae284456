"""A rebuild is killed with all its processes, in the middle; begun once more, it ends as any."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book_and_pay
from tests.service.builders import PERSONAL
from tests.service.callers import a_guest
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.new_databases import a_new_database, connected
from tests.service.story import at_rest
from tests.service.waiting import until
from tests.service.worker import REPOSITORY, environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

PROCESSES = 2
REBUILD = (
    "from app import rebuild_processes;"
    f"rebuild_processes.number_for = lambda plan: {PROCESSES};"
    "from app.cli import main; main(['rebuild'])"
)
"""However many cores there are."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


async def bookings_of_all_shares(house: House) -> list[dict[str, Any]]:
    """So many that each process of a rebuild finds one of them. All are paid for, and then the
    first is cancelled, so that each has several versions and the history reasons.
    """
    shares, made = set[int](), list[dict[str, Any]]()
    while len(shares) < PROCESSES:
        guest = a_guest()
        made.append(await book_and_pay(house, guest))
        shares.add(home_partition(made[-1]["id"].encode(), PARTITIONS) % PROCESSES)
        if len(made) == 1:
            cancel = {"booking_id": made[0]["id"], "reason": f"{PERSONAL} is ill"}
            assert (await house.client.command(guest, "cancel_booking", cancel)).status == 200
    return made


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
            sys.executable,
            "-c",
            REBUILD,
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
    undisturbed, url = await a_new_database(postgres), await a_new_database(postgres)
    expected = await booking(
        house, "rebuild", "--json", settings={"BOOKING_DATABASE__URL": undisturbed}
    )
    whole = expected.json["whole"]
    assert whole["bookings"] == {"cancelled": 1, "confirmed": len(made) - 1}
    assert whole["commands"] == 2 * len(made) + 1

    await killed_half_way(house, url, made)
    refused = await booking(house, "run", settings={"BOOKING_DATABASE__URL": url})
    assert (refused.code, "is not finished" in refused.err) == (1, True)
    ran = await booking(house, "rebuild", "--json", settings={"BOOKING_DATABASE__URL": url})
    assert (ran.code, ran.json["whole"]) == (0, whole), ran.err
