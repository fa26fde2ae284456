"""Houses for the tests of this folder: each lives as long as its module, workers and all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.house import House, a_house
from tests.service.invariants import check


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_three_workers(
    kafka: KafkaServer, postgres: PostgresServer
) -> AsyncIterator[House]:
    """Three workers that share the partitions."""
    async with a_house(kafka, postgres, workers=3) as running:
        await running.has_members(3)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def three_workers(lasting_three_workers: House) -> AsyncIterator[House]:
    """The module's three workers; every invariant is demanded of their house after each test."""
    yield lasting_three_workers
    await check(lasting_three_workers)
