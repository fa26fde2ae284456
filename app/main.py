"""The worker's life: wait for what it needs, refuse to start where that is wrong, run, drain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM

import structlog
from aiokafka.errors import KafkaError
from faststream import FastStream
from opentelemetry.metrics import Meter

from adapters.database.database import Database, open_database
from adapters.database.outages import DatabaseRefuses
from adapters.database.revisions import WorkerTooOld, pending_migrations
from adapters.database.rights import lacking_rights as lacking_grants
from adapters.database.sqlite_lock import DatabaseInUse
from adapters.kafka.admission import trouble_with
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.hearing_events import hear_events
from adapters.kafka.rights import worker_rights
from adapters.kafka.rights_held import in_words, lacking_rights
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import TopicNames, check_topics
from adapters.partners import HttpPartners
from adapters.partners.figures import PartnerFigures
from app.beside import beside
from app.clients import authenticator
from app.health_file import Condition, HealthFile
from app.looking import Looking
from app.settings import Settings
from app.sweeping import Sweeping
from app.telemetry import CannotTell, telemetry
from app.wiring import build_worker, caches_of, service_keys
from handlers.ports import Authenticator, Cache, CannotOpen, DatabaseAway, KeysAway
from schemas.instruments import observed
from schemas.measures import READY

_log = structlog.get_logger(__name__)

BEAT_EVERY_SECONDS = 1.0
# Longer than a stop in good order may take; what then still goes on is what hangs.
GIVES_UP_WITHIN_SECONDS = 40.0
_START = "its start"
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
    except CannotTell as error:
        raise CannotStart(str(error)) from error
    except asyncio.CancelledError:
        reason = None
    _log.info("stopped", reason=reason)
    return reason


async def _live(settings: Settings) -> str | None:
    pulse = _Pulse(settings.health_file)
    pulse.try_out()
    async with AsyncExitStack() as held:
        await held.enter_async_context(beside(pulse.beat()))
        told = await held.enter_async_context(telemetry(settings.metrics))
        observed(told.meter, READY, lambda: [(0 if pulse.awaited() else 1, {})])
        caches = caches_of(settings.cache, told.meter)
        database = _opened(settings, told.meter, caches.references)
        held.push_async_callback(database.close)
        await _ready(settings, database, pulse)
        clients = await held.enter_async_context(authenticator(settings.auth))
        kafka = settings.kafka
        await _patiently(pulse, kafka, "the keys of tokens", lambda: _keys_at_hand(clients))
        partners = await held.enter_async_context(
            HttpPartners(
                settings.inventory,
                settings.pricing,
                settings.payment,
                figures=PartnerFigures.by(told.meter),
            )
        )
        await held.enter_async_context(beside(*partners.follow_names()))
        topics = TopicDirectory(settings.kafka)
        end = _End()
        worker = build_worker(
            settings,
            clients=clients,
            database=database,
            caches=caches,
            partners=partners,
            topics=topics,
            give_up=end.give_up,
            telemetry=told,
        )
        pulse.awaited = lambda: worker.kafka.awaited or _START
        sweeping = Sweeping(worker)
        looking = Looking(database.schema)
        app = FastStream(worker.kafka.broker, logger=None)
        end.app = app
        app.on_startup(worker.kafka.open)
        app.on_shutdown(worker.kafka.drain)
        app.after_shutdown(worker.kafka.close)
        held.push_async_callback(worker.sweeper_publisher.stop)

        async def go() -> None:
            pulse.awaited = lambda: worker.kafka.awaited or looking.awaited or sweeping.awaited
            await held.enter_async_context(beside(sweeping.run(), looking.run()))
            if settings.cache.hears_events:
                hearing = hear_events(settings.kafka, worker.corrections)
                await held.enter_async_context(beside(hearing))

        app.after_startup(go)
        await held.enter_async_context(beside(worker.kafka.watch()))
        try:
            async with end.limit:
                await app.run()
                # A signal may have come while it started: FastStream stops what there is, and only
                # then gives up the start, which may have made one more consumer by then.
                await worker.kafka.broker.stop()
        except Exception as error:
            if end.reason is None:
                raise
            # What has died raises its death once more when it is stopped.
            _log.warning("not stopped in good order", reason=repr(error))
        return end.reason


def _opened(settings: Settings, meter: Meter, rows: Cache | None) -> Database:
    try:
        return open_database(settings.database, service_keys(settings.seal_keys), meter, rows)
    except (DatabaseInUse, ValueError) as error:
        raise CannotStart(str(error)) from error


class _End:
    """Remembers why the worker gives up, and makes it stop; `limit` raises when that takes long."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.app: FastStream | None = None
        self.limit = asyncio.timeout(None)

    def give_up(self, reason: str) -> None:
        if self.reason is None and self.app is not None:
            self.reason = reason
            self.app.exit()
            self.limit.reschedule(asyncio.get_running_loop().time() + GIVES_UP_WITHIN_SECONDS)


async def _ready(settings: Settings, database: Database, pulse: _Pulse) -> None:
    """Wait until database and Kafka answer; raises CannotStart when they are not prepared."""
    patiently = partial(_patiently, pulse, settings.kafka)
    pending = await patiently(
        "the database", lambda: asyncio.to_thread(pending_migrations, settings.database.url)
    )
    wrong = await patiently("Kafka", lambda: _wrong_with_kafka(settings))
    if pending:
        wrong = [
            f"the database lacks {len(pending)} migration(s): run `booking migrate`",
            *wrong,
        ]
    elif lacking := await patiently("the database", lambda: lacking_grants(settings.database)):
        wrong = [*(f"the database's user lacks {right}" for right in lacking), _GRANTS, *wrong]
    elif await patiently("the database", lambda: _unfinished_rebuild(settings, database)):
        wrong = ["a rebuild of this database is not finished: run `booking rebuild`", *wrong]
    if wrong:
        raise CannotStart("\n".join(wrong))
    await patiently("the database", lambda: _unknown_keys(database))


async def _unknown_keys(database: Database) -> Sequence[str]:
    """Raises CannotStart when the settings lack a key by which something is sealed."""
    try:
        await database.keys.check(datetime.now(UTC))
    except CannotOpen as error:
        raise CannotStart(f"BOOKING_SEAL__KEYS: {error}") from error
    return []


async def _unfinished_rebuild(settings: Settings, database: Database) -> Sequence[str]:
    events = TopicNames(settings.kafka.topic_prefix).events
    return [events] if await database.rebuilding.progress(events) else []


async def _keys_at_hand(clients: Authenticator) -> Sequence[str]:
    await clients.prepare(())
    return ()


async def _wrong_with_kafka(settings: Settings) -> Sequence[str]:
    """Rights that are missing, all at once; else what is wrong with the topics."""
    rights = worker_rights(
        settings.kafka, settings.reply_prefixes, hears_events=settings.cache.hears_events
    )
    if lacking := await lacking_rights(settings.kafka, rights):
        return [*(f"Kafka does not allow {right}: an ACL is missing" for right in lacking), _ACLS]
    return await check_topics(settings.kafka)


async def _patiently(
    pulse: _Pulse, kafka: KafkaSettings, what: str, ask: Callable[[], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    """The answer, once there is one. Raises CannotStart where waiting for it would be in vain."""
    standstill = Standstill("worker")
    pulse.awaited = lambda: what
    while True:
        try:
            answer = await ask()
        except (DatabaseRefuses, WorkerTooOld) as error:
            raise CannotStart(str(error)) from error
        except KafkaError as error:
            trouble = await trouble_with(kafka)
            if trouble and trouble.is_final:
                raise CannotStart(str(trouble)) from error
            pause = standstill.waits_for(what, str(trouble) if trouble else in_words(error))
            await asyncio.sleep(pause)
        except (DatabaseAway, KeysAway, OSError) as error:
            await asyncio.sleep(standstill.waits_for(what, repr(error)))
        else:
            standstill.over()
            pulse.awaited = lambda: _START
            return answer


class _Pulse:
    """The pulse of the event loop: a file that grows old means a worker that hangs."""

    def __init__(self, path: Path | None) -> None:
        self._file = HealthFile(path, lambda: datetime.now(UTC)) if path else None
        self.awaited: Callable[[], str | None] = lambda: _START

    def try_out(self) -> None:
        """Beat once. Raises CannotStart where the file cannot be written."""
        try:
            self._beat()
        except OSError as error:
            raise CannotStart(f"BOOKING_HEALTH__FILE cannot be written: {error}") from error

    def _beat(self) -> None:
        if self._file is not None:
            awaited = self.awaited()
            reason = f"waits for {awaited}" if awaited else None
            self._file.beat(Condition(ready=reason is None, reason=reason))

    async def beat(self) -> None:
        if self._file is None:
            return
        try:
            while True:
                self._beat()
                await asyncio.sleep(BEAT_EVERY_SECONDS)
        finally:
            self._file.remove()
