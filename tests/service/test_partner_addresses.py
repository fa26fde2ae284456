"""A partner at two addresses, one of them behind a name; one dies, and no booking is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.demo.partners.desk import Desk
from app.demo.partners.server import Connection
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.callers import a_guest
from tests.service.house import a_house
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

pytestmark = pytest.mark.timeout(120)


async def test_one_of_two_addresses_dies_and_every_booking_is_made_once(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    async with (
        a_house(kafka, postgres, workers=0) as house,
        one_more_address(house.partners.inventory) as (other, its_connections),
    ):
        named = house.settings["BOOKING_INVENTORY__URL"].replace("127.0.0.1", "localhost")
        url = f"http://127.0.0.2:{other.sockets[0].getsockname()[1]}"
        worker = house.new_worker({"BOOKING_INVENTORY__URL": f"{named}, {url}"})
        worker.start()

        async def name_is_found() -> bool:
            return "localhost" in said(worker, "partner's name is found", "host")

        await until(name_is_found)
        guest = a_guest()
        made = [(await book(house, guest))["id"] for _ in range(4)]
        assert its_connections, "it had its share"
        other.close()
        for connection in list(its_connections):
            connection.abort()
        made += [(await book(house, guest))["id"] for _ in range(4)]
        assert url in said(worker, "partner's address rests", "address")
        reservations = house.partners.inventory.service.state()["reservations"]
        assert len(reservations) == len(set(made)) == 8


def said(worker: WorkerProcess, event: str, about: str) -> list[str]:
    return [line[about] for line in worker.lines() if line["event"] == event]


@asynccontextmanager
async def one_more_address(desk: Desk) -> AsyncIterator[tuple[asyncio.Server, set[Connection]]]:
    """Where the same desk answers, as instances do that share a database."""
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(desk, connections), "127.0.0.2", 0
    )
    async with server:
        yield server, connections
