"""A worker that starts says what it waits for now, and not what it waited for before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.health_file import last_beat
from app.local_servers import KafkaServer, PostgresServer
from app.local_servers.loopback import HOST
from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.a_key_server import a_key_server
from tests.service.faults.proxy import Proxy, proxy
from tests.service.faults.ways import KAFKA, way_to_the_database
from tests.service.house import House, a_house
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@dataclass(frozen=True, slots=True)
class Outside:
    """A worker that is to be started, with proxies on both of its ways, and its health file."""

    house: House
    settings: dict[str, str]
    to_database: Proxy
    to_kafka: Proxy
    file: Path

    def starts(self, **settings: str) -> None:
        self.house.new_worker(self.settings | settings).start()

    async def says(self, reason: str | None) -> None:
        """Returns when it does; None: that it is ready."""

        async def said() -> bool:
            beat = last_beat(self.file)
            return beat is not None and beat.condition.reason == reason

        await until(said, within_seconds=20)


@pytest_asyncio.fixture(loop_scope="module")
async def outside(
    kafka_and_the_way_in: tuple[KafkaServer, int, int], postgres: PostgresServer, tmp_path: Path
) -> AsyncIterator[Outside]:
    kafka, port, through = kafka_and_the_way_in
    file = tmp_path / "health"
    async with (
        a_house(kafka, postgres, workers=0) as house,
        way_to_the_database(house) as (to_database, settings),
        proxy(through, (HOST, port)) as to_kafka,
    ):
        settings |= {KAFKA: to_kafka.address, "BOOKING_HEALTH__FILE": str(file)}
        yield Outside(house, settings, to_database, to_kafka, file)


async def test_a_database_that_goes_while_kafka_is_waited_for(outside: Outside) -> None:
    outside.to_kafka.cut()
    outside.starts()
    await outside.says("waits for Kafka")
    outside.to_database.cut()
    await outside.to_kafka.heal()
    await outside.says("waits for the database")
    await outside.to_database.heal()
    await outside.says(None)


async def test_a_kafka_that_goes_while_the_keys_of_tokens_are_waited_for(outside: Outside) -> None:
    async with a_key_server(b"") as issuer:
        issuer.status = 500
        outside.starts(BOOKING_AUTH__ALGORITHM="ES256", BOOKING_AUTH__JWKS_URL=issuer.url)
        await outside.says("waits for the keys of tokens")
        outside.to_kafka.cut()
        issuer.status, issuer.body = 200, key_list(a_key("one"))
        await outside.says("waits for Kafka")
        await outside.to_kafka.heal()
        await outside.says(None)
