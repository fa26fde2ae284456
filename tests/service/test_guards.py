"""Without its guard the house sells a slot twice, and the invariants say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.house import House, a_house
from tests.service.invariants import check

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """A house of this test's own, since it is spoilt by it."""
    async with a_house(kafka, postgres) as running:
        yield running


async def test_a_slot_is_sold_twice_once_the_constraint_is_dropped(house: House) -> None:
    create = a_create()

    async def statuses() -> list[int]:
        replies = await asyncio.gather(
            *(house.client.command(a_guest(), "create_booking", create) for _ in range(2))
        )
        return sorted(reply.status for reply in replies)

    assert await statuses() == [201, 409]
    await check(house)
    (constraint,) = await house.rows(
        "select conname from pg_constraint where conrelid = 'claims'::regclass and contype = 'x'"
    )
    await house.rows(f"alter table claims drop constraint {constraint['conname']}")
    assert await statuses() == [201, 201]
    with pytest.raises(AssertionError, match="sold twice"):
        await check(house)
