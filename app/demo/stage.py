"""Everything that the day needs, started side by side and taken down again whatever happens."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from app.demo.processes import RunningWorker, partners_running, worker_running
from app.demo.script import PartnerName
from app.demo.surroundings import as_env_file, worker_settings
from app.local_servers import ServerUnavailable, kafka_server, postgres_server
from app.local_servers.directories import passing_directory
from app.local_servers.named import NotOurs

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings
    from app.demo.spans import Spans

DatabaseName: TypeAlias = Literal["postgresql", "sqlite"]
Progress: TypeAlias = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where things are while they run."""

    kafka: KafkaSettings
    partner_urls: dict[PartnerName, str]
    secret: str
    worker: RunningWorker
    directory: Path
    spans: Spans | None = None  # of the worker, where somebody wants to see them


@asynccontextmanager
async def set_stage(
    database: DatabaseName, progress: Progress, *, trace: bool = False
) -> AsyncIterator[Stage]:
    """Kafka, database, partners, topics, tables, worker; with `trace` a collector of its spans.

    Raises ServerUnavailable, DatabaseAway; whatever runs by then is stopped.
    """
    async with AsyncExitStack() as held:
        directory = held.enter_context(passing_directory("demo"))
        worker_directory = directory / "worker"  # its guard removes it, should we be killed
        worker_directory.mkdir()
        try:
            async with asyncio.TaskGroup() as starting:
                kafka_ready = starting.create_task(_kafka(held, progress))
                tables_ready = starting.create_task(
                    _database(held, database, worker_directory, progress)
                )
                partners = partners_running(directory / "partners")
                partners_ready = starting.create_task(_entered(held, partners))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group  # the others were cancelled for it
        kafka, urls = kafka_ready.result(), partners_ready.result()
        secret = secrets.token_urlsafe(32)
        health_file = worker_directory / "health.json"
        settings = worker_settings(
            bootstrap_servers=kafka.bootstrap_servers,
            topic_prefix=kafka.topic_prefix,
            database_url=tables_ready.result(),
            partner_urls=urls,
            secret=secret,
            health_file=str(health_file),
        )
        env_file = worker_directory / ".env"
        env_file.touch(mode=0o600)
        env_file.write_text(as_env_file(settings))
        progress("Worker: starting")
        loaded = asyncio.create_task(asyncio.to_thread(_load))
        spans = held.enter_context(_collecting()) if trace else None
        told = spans.settings if spans else {}
        worker = await _entered(held, worker_running(worker_directory, health_file, told))
        await loaded
        progress("Worker: ready")
        yield Stage(kafka, urls, secret, worker, worker_directory, spans)


async def _kafka(held: AsyncExitStack, progress: Progress) -> KafkaSettings:
    """A Kafka with our topics. On somebody else's they have names of their own, and go again."""
    server = await _entered(held, kafka_server(progress))
    from aiokafka.errors import KafkaError

    from adapters.kafka.settings import KafkaSettings
    from app.demo.topics import delete_demo_topics, make_demo_topics

    is_ours = not isinstance(server.machinery, NotOurs)
    prefix = "booking" if is_ours else f"booking-demo-{uuid.uuid4().hex[:8]}"
    settings = KafkaSettings(server.bootstrap_servers, topic_prefix=prefix)
    if not is_ours:
        held.push_async_callback(delete_demo_topics, settings)
    try:
        await make_demo_topics(settings)
    except KafkaError as error:
        raise ServerUnavailable(f"Kafka does not make our topics: {error!r}") from error
    progress("Kafka: topics created")
    return settings


async def _database(
    held: AsyncExitStack, database: DatabaseName, directory: Path, progress: Progress
) -> str:
    """The URL of a new database with all tables."""
    if database == "sqlite":
        url = f"sqlite+aiosqlite:///{directory / 'booking.sqlite'}"
    else:
        server = await _entered(held, postgres_server(progress))
        name = f"booking_demo_{uuid.uuid4().hex[:8]}"
        held.push_async_callback(server.drop_database, name)
        url = await server.create_database(name)
    from adapters.database.migrations import migrate

    await asyncio.to_thread(migrate, url)
    progress(f"{'SQLite' if database == 'sqlite' else 'PostgreSQL'}: tables created")
    return url


def _collecting() -> AbstractContextManager[Spans]:
    from app.demo.spans import collecting_spans

    return collecting_spans()


def _load() -> None:
    """Import what the day needs while the worker starts; earlier it would slow the servers' start,
    whose threads would have to wait for the interpreter.
    """
    import_module("app.demo.performance")


async def _entered(held: AsyncExitStack, context: AbstractContextManager[T]) -> T:
    """Enter a context that blocks, in a thread; it is left again even if we are cancelled."""
    entering = asyncio.create_task(asyncio.to_thread(context.__enter__))

    async def leave() -> None:
        await asyncio.wait([entering])
        if not entering.cancelled() and entering.exception() is None:
            await asyncio.to_thread(context.__exit__, None, None, None)

    held.push_async_callback(leave)
    return await asyncio.shield(entering)
