"""The worker's life: wait for what it needs, refuse to start where that is wrong, run, drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGINT, SIGTERM

import structlog
from aiokafka.errors import KafkaError
from faststream import FastStream

from adapters.database.database import Database, open_database
from adapters.database.migrations import pending_migrations
from adapters.database.outages import DatabaseRefuses
from adapters.database.rights import lacking_rights as lacking_grants
from adapters.database.sqlite_lock import DatabaseInUse
from adapters.kafka.admission import trouble_with
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.publishing import OutputRefused
from adapters.kafka.rights import worker_rights
from adapters.kafka.rights_held import in_words, lacking_rights
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import TopicNames, check_topics
from adapters.partners import HttpPartners
from app.health_file import Condition, HealthFile
from app.settings import Settings
from app.wiring import Worker, build_worker
from handlers.ports import DatabaseAway

_log = structlog.get_logger(__name__)

SWEEP_EVERY_SECONDS = 1.0
BEAT_EVERY_SECONDS = 1.0
_ACLS = "give this user what `booking topics acls --principal User:NAME` prints"
_GRANTS = "give it what `booking grants --role NAME` prints"


class CannotStart(Exception):
    """Something has to be put right first; the message says what to run."""


async def run_worker(settings: Settings) -> str | None:
    """Run until a signal says stop; gives the reason when the worker had to give up.

    Raises CannotStart with one line for everything that has to be put right.
    """
    for notice in settings.notices:
        _log.warning("attention", notice=notice)
    life = asyncio.create_task(_live(settings))
    loop = asyncio.get_running_loop()
    for signal in (SIGTERM, SIGINT):  # FastStream's own take their place when it runs
        loop.add_signal_handler(signal, life.cancel)
    try:
        reason = await life
    except asyncio.CancelledError:
        reason = None
    _log.info("stopped", reason=reason)
    return reason


async def _live(settings: Settings) -> str | None:
    pulse = _Pulse(settings.health_file)
    async with AsyncExitStack() as held:
        await held.enter_async_context(_beside(pulse.beat()))
        database = _opened(settings)
        held.push_async_callback(database.close)
        await _ready(settings, database, pulse)
        partners = await held.enter_async_context(
            HttpPartners(settings.inventory, settings.pricing, settings.payment)
        )
        topics = TopicDirectory(settings.kafka)
        end = _End()
        worker = build_worker(
            settings, database=database, partners=partners, topics=topics, give_up=end.give_up
        )
        sweeping = _Sweeping(worker)
        app = FastStream(worker.kafka.broker, logger=None)
        end.app = app
        app.on_startup(worker.kafka.open)
        app.on_shutdown(worker.kafka.drain)
        app.after_shutdown(worker.kafka.close)
        held.push_async_callback(worker.sweeper_publisher.stop)

        async def go() -> None:
            pulse.awaited = lambda: worker.kafka.awaited or sweeping.awaited
            await held.enter_async_context(_beside(sweeping.run()))

        app.after_startup(go)
        await app.run()
        # A signal may have come while it started: FastStream stops what there is, and only then
        # gives up the start, which may have made one more consumer by then.
        await worker.kafka.broker.stop()
        return end.reason


def _opened(settings: Settings) -> Database:
    try:
        return open_database(settings.database)
    except (DatabaseInUse, ValueError) as error:
        raise CannotStart(str(error)) from error


class _End:
    """Remembers why the worker gives up, and makes it stop."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.app: FastStream | None = None

    def give_up(self, reason: str) -> None:
        self.reason = reason
        if self.app is not None:
            self.app.exit()


async def _ready(settings: Settings, database: Database, pulse: _Pulse) -> None:
    """Wait until database and Kafka answer; raises CannotStart when they are not prepared."""
    kafka = settings.kafka
    pulse.awaited = lambda: "the database"
    pending = await _patiently(
        kafka, "the database", lambda: asyncio.to_thread(pending_migrations, settings.database.url)
    )
    pulse.awaited = lambda: "Kafka"
    wrong = await _patiently(kafka, "Kafka", lambda: _wrong_with_kafka(settings))
    if pending:
        wrong = [
            f"the database lacks {len(pending)} migration(s): run `booking migrate`",
            *wrong,
        ]
    elif lacking := await _patiently(
        kafka, "the database", lambda: lacking_grants(settings.database)
    ):
        wrong = [*(f"the database's user lacks {right}" for right in lacking), _GRANTS, *wrong]
    elif await _patiently(kafka, "the database", lambda: _unfinished_rebuild(settings, database)):
        wrong = ["a rebuild of this database is not finished: run `booking rebuild`", *wrong]
    if wrong:
        raise CannotStart("\n".join(wrong))


async def _unfinished_rebuild(settings: Settings, database: Database) -> Sequence[str]:
    events = TopicNames(settings.kafka.topic_prefix).events
    return [events] if await database.rebuilding.progress(events) else []


async def _wrong_with_kafka(settings: Settings) -> Sequence[str]:
    """Rights that are missing, all at once; else what is wrong with the topics."""
    rights = worker_rights(settings.kafka, settings.reply_prefixes)
    if lacking := await lacking_rights(settings.kafka, rights):
        return [*(f"Kafka does not allow {right}: an ACL is missing" for right in lacking), _ACLS]
    return await check_topics(settings.kafka)


async def _patiently(
    kafka: KafkaSettings, what: str, ask: Callable[[], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    """The answer, once there is one. Raises CannotStart where waiting for it would be in vain."""
    standstill = Standstill("worker")
    while True:
        try:
            answer = await ask()
        except DatabaseRefuses as error:
            raise CannotStart(str(error)) from error
        except KafkaError as error:
            trouble = await trouble_with(kafka)
            if trouble and trouble.is_final:
                raise CannotStart(str(trouble)) from error
            pause = standstill.waits_for(what, str(trouble) if trouble else in_words(error))
            await asyncio.sleep(pause)
        except (DatabaseAway, OSError) as error:
            await asyncio.sleep(standstill.waits_for(what, repr(error)))
        else:
            standstill.over()
            return answer


class _Sweeping:
    """Sweeps once a second; what is away is waited for, as everywhere."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._standstill = Standstill("sweeper")

    @property
    def awaited(self) -> str | None:
        return self._standstill.awaited

    async def run(self) -> None:
        standstill = self._standstill
        while True:
            try:
                await self._worker.sweeper.sweep(datetime.now(UTC))
            except DatabaseAway as error:
                pause = standstill.waits_for("the database", repr(error))
            except (KafkaError, OutputRefused, TimeoutError) as error:
                pause = standstill.waits_for("Kafka", in_words(error))
            else:
                standstill.over()
                pause = 0.0
            await asyncio.sleep(max(pause, SWEEP_EVERY_SECONDS))


class _Pulse:
    """The pulse of the event loop: a file that grows old means a worker that hangs."""

    def __init__(self, path: Path | None) -> None:
        self._file = HealthFile(path, lambda: datetime.now(UTC)) if path else None
        self.awaited: Callable[[], str | None] = lambda: "its start"

    async def beat(self) -> None:
        if self._file is None:
            return
        try:
            while True:
                awaited = self.awaited()
                reason = f"waits for {awaited}" if awaited else None
                self._file.beat(Condition(ready=reason is None, reason=reason))
                await asyncio.sleep(BEAT_EVERY_SECONDS)
        finally:
            self._file.remove()


@asynccontextmanager
async def _beside(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run these while the block runs; they end only by a bug, which is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as raised:
        if len(raised.exceptions) > 1:
            raise
        raise raised.exceptions[0] from None  # as if nothing ran beside it
