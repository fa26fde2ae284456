"""The worker's life: wait for what it needs, refuse to start where that is wrong, run, drain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

import structlog
from aiokafka.errors import KafkaError
from faststream import FastStream

from adapters.database.database import open_database
from adapters.database.migrations import pending_migrations
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.publishing import OutputRefused
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import check_topics
from adapters.partners import HttpPartners
from app.settings import Settings
from app.wiring import Worker, build_worker
from handlers.ports import DatabaseAway

_log = structlog.get_logger(__name__)

SWEEP_EVERY_SECONDS = 1.0


class CannotStart(Exception):
    """Something has to be put right first; the message says what to run."""


async def run_worker(settings: Settings) -> str | None:
    """Run until a signal says stop; gives the reason when the worker had to give up.

    Raises CannotStart with one line for everything that has to be put right.
    """
    for notice in settings.notices:
        _log.warning("attention", notice=notice)
    async with AsyncExitStack() as held:
        database = open_database(settings.database)
        held.push_async_callback(database.close)
        await _ready(settings)
        partners = await held.enter_async_context(
            HttpPartners(settings.inventory, settings.pricing, settings.payment)
        )
        topics = TopicDirectory(settings.kafka)
        end = _End()
        worker = build_worker(
            settings, database=database, partners=partners, topics=topics, give_up=end.give_up
        )
        app = FastStream(worker.kafka.broker, logger=None)
        end.app = app
        sweeping = _Sweeping(worker)
        app.on_startup(worker.kafka.open)
        app.after_startup(sweeping.start)
        app.on_shutdown(worker.kafka.drain)
        app.on_shutdown(sweeping.stop)
        app.after_shutdown(worker.kafka.close)
        await app.run()
        _log.info("stopped", reason=end.reason)
        return end.reason


class _End:
    """Remembers why the worker gives up, and makes it stop."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.app: FastStream | None = None

    def give_up(self, reason: str) -> None:
        self.reason = reason
        if self.app is not None:
            self.app.exit()


async def _ready(settings: Settings) -> None:
    """Wait until database and Kafka answer; raises CannotStart when they are not prepared."""
    pending = await _patiently(
        "the database", lambda: asyncio.to_thread(pending_migrations, settings.database.url)
    )
    wrong = await _patiently("Kafka", lambda: check_topics(settings.kafka))
    if pending:
        wrong = [
            f"the database lacks {len(pending)} migration(s): run `booking migrate`",
            *wrong,
        ]
    if wrong:
        raise CannotStart("\n".join(wrong))


async def _patiently(what: str, ask: Callable[[], Awaitable[Sequence[str]]]) -> Sequence[str]:
    standstill = Standstill("worker")
    while True:
        try:
            answer = await ask()
        except (DatabaseAway, KafkaError, OSError) as error:
            await asyncio.sleep(standstill.waits_for(what, repr(error)))
        else:
            standstill.over()
            return answer


class _Sweeping:
    """Sweeps once a second; what is away is waited for, as everywhere."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._sweep_for_ever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._worker.sweeper_publisher.stop()

    async def _sweep_for_ever(self) -> None:
        standstill = Standstill("sweeper")
        while True:
            try:
                await self._worker.sweeper.sweep(datetime.now(UTC))
            except DatabaseAway as error:
                pause = standstill.waits_for("the database", repr(error))
            except (KafkaError, OutputRefused, TimeoutError) as error:
                pause = standstill.waits_for("Kafka", repr(error))
            else:
                standstill.over()
                pause = 0.0
            await asyncio.sleep(max(pause, SWEEP_EVERY_SECONDS))
