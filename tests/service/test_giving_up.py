"""A worker that can work no more gives up in time, even when what it has to stop hangs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NodeNotReadyError

import app.main
from app.local_servers import KafkaServer, PostgresServer
from app.settings import load
from tests.service.house import House, a_house
from tests.service.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Everything but a worker."""
    async with a_house(kafka, postgres, workers=0) as running:
        yield running


async def boom(*_: object) -> bool:
    raise RuntimeError("what aiokafka does not expect")


async def away(*_: object) -> int:
    raise NodeNotReadyError


async def test_a_worker_whose_consumer_waits_for_its_coordinator_for_ever_gives_up(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    health = tmp_path / "health"
    for name, value in {**house.settings, "BOOKING_HEALTH__FILE": str(health)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app.main, "GIVES_UP_WITHIN_SECONDS", 3.0)
    consumers: list[AIOKafkaConsumer] = []
    start = AIOKafkaConsumer.start

    async def start_seen(self: AIOKafkaConsumer) -> None:
        consumers.append(self)
        await start(self)

    monkeypatch.setattr(AIOKafkaConsumer, "start", start_seen)

    def condition() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(health.read_bytes()) if health.exists() else {}
        return told

    async def is_ready() -> bool:
        return bool(condition().get("ready"))

    life = asyncio.create_task(app.main.run_worker(load()))
    await until(is_ready)
    consumer = consumers[0]
    consumer._client.coordinator_lookup = away
    consumer._client._metadata_update = boom  # only aiokafka's own task ever calls it
    consumer._coordinator.coordinator_dead()

    async def says_why() -> bool:
        return condition().get("reason") == "waits for a restart"

    await until(says_why)
    reason = await asyncio.wait_for(life, 15)
    assert reason is not None
    assert "the metadata of a consumer" in reason
