"""The schema's history, and the two things one does with it: apply it, and see what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.encryption import without_tls_words
from adapters.database.outages import outages_named
from adapters.database.tables import schema_promises

A = TypeVar("A")


class WorkerTooOld(Exception):
    """The schema has become one that this version cannot work with; the message says which."""


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; a second one at the same time waits and finds it done.

    Each migration in a transaction of its own: what one has locked is free before the next begins.
    Blocks; may be called from a thread that runs an event loop. Raises DatabaseAway, WorkerTooOld.
    """
    for each in _on_a_connection(url, lambda connection: _missing(connection, revision)):
        _on_a_connection(url, partial(_upgrade, revision=each))


def unmigrate(url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`, with all that later ones hold. Blocks, like migrate."""
    _on_a_connection(url, lambda connection: command.downgrade(_config(connection), revision))


def pending_migrations(url: str) -> list[str]:
    """The revisions that are not applied yet, oldest first; none where a newer version has gone
    further and promised to leave us what we need. Blocks and raises, like migrate.
    """
    return _on_a_connection(url, lambda connection: _missing(connection, "heads"))


def _missing(connection: Connection, revision: str) -> list[str]:
    applied = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(_config(connection))
    known = {each.revision for each in script.walk_revisions()}
    if not known.issuperset(applied):
        _demand_promise(connection, script.get_current_head() or "", applied)
        return []
    ahead = script.iterate_revisions(revision, applied or "base", implicit_base=True)
    return [each.revision for each in ahead if each.revision not in applied][::-1]


def _demand_promise(connection: Connection, ours: str, applied: tuple[str, ...]) -> None:
    """Raises WorkerTooOld unless every migration after ours works with workers like us."""
    beyond = select(schema_promises.c.works_with).where(schema_promises.c.revision > ours)
    needed = max(connection.execute(beyond).scalars(), default=None)
    if needed is None or needed > ours:
        raise WorkerTooOld(
            f"the database is at migration {', '.join(applied)}, which works with versions from"
            f" migration {needed or 'unknown'} on: this one is of {ours}"
        )


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(_config(connection), revision)


@lru_cache(maxsize=1)
def revisions() -> tuple[str, ...]:
    """All that this version knows, oldest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(each.revision for each in script.walk_revisions())[::-1]


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def _on_a_connection(url: str, work: Callable[[Connection], A]) -> A:
    async def connected() -> A:
        bare, tls = without_tls_words(make_url(url))
        engine = create_async_engine(
            bare, poolclass=NullPool, hide_parameters=True, connect_args=tls
        )
        try:
            with outages_named():
                async with engine.begin() as connection:
                    return await connection.run_sync(_alone, work)
        finally:
            await engine.dispose()

    return _run(connected())


def _alone(connection: Connection, work: Callable[[Connection], A]) -> A:
    if make_url(connection.engine.url).get_backend_name() == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(hashtext('booking migrations'))"))
    return work(connection)


def _run(coroutine: Coroutine[object, object, A]) -> A:
    """In a thread of its own, so that it does not matter whether this one has a loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
