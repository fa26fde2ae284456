"""A worker that cannot work says in plain lines what is wrong, and exits non-zero."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import NewTopic
from faststream import FastStream

import app.main
from adapters.database.migrations import migrate
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import create_topics
from app.local_servers import KafkaServer, PostgresServer
from app.settings import load
from tests.service.asking import book, events_of, move
from tests.service.callers import SECRET, a_guest
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Everything but a worker."""
    async with a_house(kafka, postgres, workers=0) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker that ended by itself."""

    code: int
    said: str


async def run(house: House, settings: Mapping[str, str]) -> Ended:
    """`booking run` with these settings changed, to its end."""
    ended = await booking(house, "run", settings=settings)
    text = ended.out + ended.err
    assert "Traceback" not in text, text
    assert SECRET not in text
    return Ended(ended.code, text)


WRONG: Final = {
    "BOOKING_KAFKA__BOOTSTRAP_SERVERS": "",
    "BOOKING_DATABASE__URL": "mysql://root:swordfish@db/bookings",
    "BOOKING_INVENTORY__URL": "http://booking:swordfish@inventory",
    "BOOKING_AUTH__MODE": "swordfish",
    "BOOKING_RULES__CONFIRMATION_MINUTES": "soon",
    "BOOKING_RULES__REFUND__HOTEL": "all of it",
}


async def test_every_wrong_setting_is_named_in_a_line_without_its_value(house: House) -> None:
    ended = await run(house, WRONG)
    assert ended.code == 2
    for name, value in WRONG.items():
        (line,) = [line for line in ended.said.splitlines() if name in line]
        assert "expected" in line
        assert not value or value not in ended.said


async def test_production_refuses_what_is_unsafe(house: House) -> None:
    ended = await run(house, {"BOOKING_ENVIRONMENT": "production", "BOOKING_AUTH__MODE": "off"})
    assert ended.code == 2
    for name in ("SIGNING__KEY", "SEAL__KEYS", "AUDIT__KEYS", "AUTH__MODE"):
        assert f"BOOKING_{name}" in ended.said


async def test_missing_topics_and_a_missing_schema_are_told_at_once_with_what_to_run(
    house: House, postgres: PostgresServer
) -> None:
    url = await postgres.create_database(f"empty_{uuid4().hex[:8]}")
    ended = await run(
        house, {"BOOKING_KAFKA__TOPIC_PREFIX": "nowhere", "BOOKING_DATABASE__URL": url}
    )
    assert ended.code == 1
    for name in ("commands", "queries", "replies", "events", "dead-letter"):
        assert f"nowhere.{name}" in ended.said
    assert "booking topics create" in ended.said
    assert "booking migrate" in ended.said
    assert url.rpartition("@")[0] not in ended.said, "no password"


async def test_topics_whose_producers_set_the_timestamp_are_refused(house: House) -> None:
    prefix = f"careless-{uuid4().hex[:8]}"
    await house.admin.create_topics(
        [
            NewTopic(f"{prefix}.{name}", 12, 1, topic_configs={"message.timestamp.type": kind})
            for name, kind in (("commands", "CreateTime"), ("queries", "LogAppendTime"))
        ]
    )
    await create_topics(KafkaSettings(house.bootstrap_servers, topic_prefix=prefix))
    ended = await run(house, {"BOOKING_KAFKA__TOPIC_PREFIX": prefix})
    assert ended.code == 1
    assert f"{prefix}.commands" in ended.said
    assert "LogAppendTime" in ended.said
    assert f"{prefix}.queries" not in ended.said


async def test_on_sqlite_one_worker_does_it_all_and_a_second_is_refused(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "bookings.sqlite3"
    settings = {
        "BOOKING_DATABASE__URL": f"sqlite+aiosqlite:///{file}",
        "BOOKING_RULES__CONFIRMATION_MINUTES": "0.05",
    }
    await asyncio.to_thread(migrate, settings["BOOKING_DATABASE__URL"])
    worker = house.new_worker(settings)
    worker.start()
    guest = a_guest()
    paid = await book(house, guest)
    assert (await move(house, guest, paid["id"], "confirmed")).data["payment_status"] == "succeeded"
    forgotten = await book(house, guest)
    second = await run(house, settings)
    assert second.code == 1
    assert str(file) in second.said
    expired = await events_of(house, forgotten["id"], 3)
    assert [event.type for event in expired][1:] == ["booking.expired", "booking.status_changed"]
    worker.ask_to_stop()
    assert await worker.exit_code() == 0


async def test_a_signal_while_it_starts_leaves_no_connection_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in house.settings.items():
        monkeypatch.setenv(name, value)
    apps: list[FastStream] = []
    consumers: list[AIOKafkaConsumer] = []
    first_starts, first_stops, second_starts = (asyncio.Event() for _ in range(3))
    start, stop = AIOKafkaConsumer.start, AIOKafkaConsumer.stop

    async def start_slowly(self: AIOKafkaConsumer) -> None:
        consumers.append(self)
        await start(self)
        if self is consumers[0]:
            first_starts.set()
            await first_stops.wait()
        else:
            second_starts.set()

    async def stop_slowly(self: AIOKafkaConsumer) -> None:
        await stop(self)
        if self is consumers[0]:
            first_stops.set()
            await second_starts.wait()

    class Watched(FastStream):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            apps.append(self)

    monkeypatch.setattr(app.main, "FastStream", Watched)
    monkeypatch.setattr(AIOKafkaConsumer, "start", start_slowly)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop_slowly)
    life = asyncio.create_task(app.main.run_worker(load()))
    await asyncio.wait_for(first_starts.wait(), PATIENCE_SECONDS)
    apps[0].exit()
    await asyncio.wait_for(life, PATIENCE_SECONDS)
    assert [consumer._closed for consumer in consumers] == [True, True]
