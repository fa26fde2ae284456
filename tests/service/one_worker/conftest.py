"""The house of this folder: it stands until the last of its tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.house import House, a_house
from tests.service.invariants import check


@pytest_asyncio.fixture(scope="package", loop_scope="package")
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


@pytest_asyncio.fixture(loop_scope="package")
async def house(lasting_house: House) -> AsyncIterator[House]:
    """The house; every invariant is demanded of it after each test."""
    yield lasting_house
    await check(lasting_house)
