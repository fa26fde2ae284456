"""Each fault shows in an idle worker's health, with its reason, and is gone again when it is over.

Alive it is all the while: nobody may restart it for what a restart does not mend.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.kafka import directory
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from app.health_file import Beat, last_beat
from app.local_servers import KafkaServer, PostgresServer
from app.local_servers.loopback import HOST
from tests.service.asking import book
from tests.service.callers import a_guest
from tests.service.faults.proxy import Proxy, proxy
from tests.service.faults.ways import KAFKA, way_to_the_database
from tests.service.house import House, a_house
from tests.service.waiting import PATIENCE_SECONDS, until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@dataclass(frozen=True, slots=True)
class Watched:
    """One idle worker with proxies on both of its ways, and its health file."""

    house: House
    worker: WorkerProcess
    to_database: Proxy
    to_kafka: Proxy
    file: Path

    def beat(self) -> Beat:
        """The last one, which is fresh: the worker is alive."""
        found = last_beat(self.file)
        assert found is not None
        assert found.is_fresh(datetime.now(UTC))
        return found

    async def waits_for(self, what: str, *, within_seconds: float = PATIENCE_SECONDS) -> None:
        """Returns when it says so."""
        said = self._says(lambda beat: f"waits for {what}" in (beat.condition.reason or ""))
        await until(said, within_seconds=within_seconds)

    async def is_ready(self) -> None:
        """Returns when it is."""
        await until(self._says(lambda beat: beat.condition.ready))

    def _says(self, holds: Callable[[Beat], bool]) -> Callable[[], Awaitable[bool]]:
        async def says() -> bool:
            return holds(self.beat())

        return says


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(
    kafka_and_the_way_in: tuple[KafkaServer, int, int],
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Watched]:
    kafka, port, through = kafka_and_the_way_in
    file = tmp_path_factory.mktemp("health") / "health"
    async with (
        a_house(kafka, postgres, workers=0) as house,
        way_to_the_database(house) as (to_database, settings),
        proxy(through, (HOST, port)) as to_kafka,
    ):
        settings |= {KAFKA: to_kafka.address, "BOOKING_HEALTH__FILE": str(file)}
        worker = house.new_worker(settings)
        worker.start()

        async def has_begun() -> bool:
            return file.exists()

        await until(has_begun)
        yield Watched(house, worker, to_database, to_kafka, file)


@pytest_asyncio.fixture(loop_scope="module")
async def idle(watched: Watched) -> AsyncIterator[Watched]:
    """Ready before, and after: by its own word, and by a booking that it makes."""
    await watched.is_ready()
    yield watched
    await watched.is_ready()
    await book(watched.house, a_guest())


async def test_a_database_that_is_gone(idle: Watched) -> None:
    idle.to_database.cut()
    await idle.waits_for("the database")
    await idle.to_database.heal()


async def test_a_database_that_is_silent(idle: Watched) -> None:
    idle.to_database.fall_silent()
    # A statement that nobody answers fails after 35 s.
    await idle.waits_for("the database", within_seconds=15)
    await idle.to_database.heal()


async def test_a_migration_that_is_pending(idle: Watched) -> None:
    ((applied,),) = [row.values() for row in await idle.house.rows("table alembic_version")]
    await idle.house.rows("update alembic_version set version_num = '0001'")
    await idle.waits_for("`booking migrate`")
    await idle.house.rows("update alembic_version set version_num = $1", applied)


async def test_a_migration_of_a_newer_worker_is_none_that_is_pending(idle: Watched) -> None:
    """While a deployment goes on, workers of both versions do their work."""
    ((applied,),) = [row.values() for row in await idle.house.rows("table alembic_version")]
    await idle.house.rows("update alembic_version set version_num = 'of tomorrow'")
    seen = await asked_again(idle.house)
    assert idle.beat().condition.ready, seen
    await idle.house.rows("update alembic_version set version_num = $1", applied)


async def asked_again(house: House) -> int:
    """Returns when the worker has asked for the revision twice more, so has told what it found."""
    asked = (
        "select count(*) from pg_stat_activity where application_name = 'booking-worker'"
        " and datname = current_database() and query like 'select version_num%'"
        " and query_start > $1"
    )
    for _ in range(2):
        since = datetime.now(UTC)

        async def again(since: datetime = since) -> bool:
            return bool((await house.rows(asked, since))[0]["count"])

        await until(again)
    return 2


async def test_a_kafka_that_is_gone(idle: Watched) -> None:
    idle.to_kafka.cut()
    await idle.waits_for("Kafka")
    await idle.to_kafka.heal()


async def test_a_kafka_that_is_silent_is_noticed_before_its_requests_time_out(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "REFRESHED_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(directory, "ANSWERS_WITHIN_SECONDS", 0.2)
    topics, standstill = TopicDirectory(KafkaSettings(watched.to_kafka.address)), Standstill("test")
    await topics.start(standstill)
    awaited: list[str | None] = []

    async def waits() -> bool:
        awaited.append(standstill.awaited)
        return standstill.awaited == "Kafka"

    async def goes_on() -> bool:
        return standstill.awaited is None

    try:
        watched.to_kafka.fall_silent()
        await until(waits, within_seconds=10)
        await watched.to_kafka.heal()
        await until(goes_on)
    finally:
        await topics.stop()


async def test_a_loop_that_hangs_is_not_alive_and_nothing_else_is_so(idle: Watched) -> None:
    idle.worker.freeze()
    frozen = idle.beat()
    soon = timedelta(seconds=2)  # what is fresh for 15 s would take as long to be shown

    async def is_stale() -> bool:
        found = last_beat(idle.file)
        assert found is not None
        return not found.is_fresh(datetime.now(UTC), soon)

    await until(is_stale)
    assert idle.beat().at - frozen.at < soon
    idle.worker.wake()

    async def beats() -> bool:
        return not await is_stale()

    await until(beats)


async def test_a_worker_whose_file_cannot_be_written_does_not_start(
    watched: Watched, tmp_path: Path
) -> None:
    """It would be restarted for ever, as one that hangs."""
    nowhere = tmp_path / "nowhere" / "health"
    worker = WorkerProcess(
        {**watched.house.settings, "BOOKING_HEALTH__FILE": str(nowhere)}, tmp_path / "log"
    )
    worker.start()
    assert await worker.exit_code() == 1
    said = await asyncio.to_thread(worker.log.read_text)
    assert "booking: BOOKING_HEALTH__FILE cannot be written" in said
    assert "Traceback" not in said
