"""Houses for the tests of this folder: each lives as long as its module, workers and all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.house import House, a_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three_workers(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Three workers that share the partitions."""
    async with a_house(kafka, postgres, workers=3) as running:
        await running.has_members(3)
        yield running
