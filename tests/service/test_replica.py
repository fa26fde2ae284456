"""A worker whose queries go to a real standby: clients that know a version never get less."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer
from schemas.measures import REPLICA_READS
from tests.servers.standby import Pair, pair_running
from tests.service.asking import book, move
from tests.service.callers import a_guest
from tests.service.house import House, a_house
from tests.service.metrics import a_port, figure
from tests.service.waiting import until

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Replicated:
    """The house, its two databases, and where its worker's figures are."""

    house: House
    pair: Pair
    port: int

    async def answered_by(self, who: str) -> float:
        return await figure(self.port, REPLICA_READS, answered_by=who)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pair_running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replicated(kafka: KafkaServer, pair: Pair) -> AsyncIterator[Replicated]:
    async with a_house(kafka, pair.primary, workers=0) as house:
        port = a_port()
        worker = house.new_worker(
            {
                "BOOKING_DATABASE__REPLICA_URL": pair.on_standby(
                    house.settings["BOOKING_DATABASE__URL"]
                ),
                "BOOKING_DATABASE__REPLICA_LAG_SECONDS": "60",
                "BOOKING_METRICS__PORT": str(port),
                "BOOKING_METRICS__HOST": "127.0.0.1",
            }
        )
        worker.start()
        await house.has_members(1)
        yield Replicated(house, pair, port)


async def test_who_knows_a_version_reads_what_he_wrote(replicated: Replicated) -> None:
    house, guest = replicated.house, a_guest()
    booking = await book(house, guest)
    asked = {"booking_id": booking["id"]}

    async def is_asked() -> bool:
        before = await replicated.answered_by("replica")
        await house.client.query(guest, "get_booking", asked)
        return await replicated.answered_by("replica") > before

    await until(is_asked)
    async with replicated.pair.held_back():
        moved = (await move(house, guest, booking["id"], "confirmed")).data
        assert (await house.client.query(guest, "get_booking", asked)).data["version"] == 1
        known = asked | {"known_version": moved["version"]}
        reply = await house.client.query(guest, "get_booking", known)
        assert (reply.data["version"], reply.data["status"]) == (moved["version"], "confirmed")
        history = (await house.client.query(guest, "get_booking_history", known)).data["items"]
        assert history[-1]["to_status"] == "confirmed"
        late = await book(house, guest)
        assert (await house.client.query(guest, "get_booking", {"booking_id": late["id"]})).data[
            "id"
        ] == late["id"]

    async def has_caught_up() -> bool:
        reply = await house.client.query(guest, "get_booking", asked)
        return bool(reply.data["version"] == moved["version"])

    await until(has_caught_up)
