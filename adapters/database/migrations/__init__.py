"""The schema's history, and the two things one does with it: apply it, and see what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.encryption import without_tls_words
from adapters.database.outages import outages_named

A = TypeVar("A")


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; a second one at the same time waits and finds it done.

    Blocks; may be called from a thread that runs an event loop. Raises DatabaseAway.
    """
    _on_a_connection(url, lambda connection: command.upgrade(_config(connection), revision))


def unmigrate(url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`, with all that later ones hold. Blocks, like migrate."""
    _on_a_connection(url, lambda connection: command.downgrade(_config(connection), revision))


def pending_migrations(url: str) -> list[str]:
    """The revisions that are not applied yet, oldest first. Blocks, like migrate."""

    def pending(connection: Connection) -> list[str]:
        applied = MigrationContext.configure(connection).get_current_heads()
        script = ScriptDirectory.from_config(_config(connection))
        ahead = script.iterate_revisions("heads", applied or "base")
        return [each.revision for each in ahead if each.revision not in applied][::-1]

    return _on_a_connection(url, pending)


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
