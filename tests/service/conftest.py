"""Houses for the tests of this folder: each lives as long as its module, workers and all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.house import House, a_house
from tests.service.invariants import check


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """One worker, quick to give a partner up, with a fallback price for cafes alone."""
    settings = {
        "BOOKING_PRICING__FALLBACK__CAFE": "9.50",
        "BOOKING_RULES__NO_SHOW_GRACE_MINUTES": "0.5",
        **{
            f"BOOKING_{partner}__{name}": value
            for partner in ("INVENTORY", "PRICING", "PAYMENT")
            for name, value in (
                ("TIMEOUT_SECONDS", "1"),
                ("ATTEMPTS", "2"),
                ("BREAKER_FAILURES", "1000"),
            )
        },
    }
    async with a_house(kafka, postgres, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def house(lasting_house: House) -> AsyncIterator[House]:
    """The module's house; every invariant is demanded of it after each test."""
    yield lasting_house
    await check(lasting_house)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three_workers(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Three workers that share the partitions."""
    async with a_house(kafka, postgres, workers=3) as running:
        await running.has_members(3)
        yield running
