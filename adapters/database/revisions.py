"""The schema's history as far as a worker needs it: which migrations a database lacks.

Without Alembic, which takes ten megabytes of a worker's memory and is needed to apply them alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, inspect, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.encryption import without_tls_words
from adapters.database.outages import outages_named
from adapters.database.tables import schema_promises

A = TypeVar("A")

APPLIED: Final = text("select version_num from alembic_version")
_FILES: Final = Path(__file__).parent / "migrations" / "versions"


class WorkerTooOld(Exception):
    """The schema has become one that this version cannot work with; the message says which."""


def pending_migrations(url: str) -> list[str]:
    """The revisions that are not applied yet, oldest first; none where a newer version has gone
    further and promised to leave us what we need. Blocks; may be called from a thread that runs an
    event loop. Raises DatabaseAway, WorkerTooOld.
    """
    return on_a_connection(url, missing)


def missing(connection: Connection) -> list[str]:
    """The same on a connection."""
    known = revisions()
    applied = _applied(connection)
    if applied is not None and applied not in known:
        _demand_promise(connection, known[-1], applied)
        return []
    return list(known[known.index(applied) + 1 :] if applied else known)


@lru_cache(maxsize=1)
def revisions() -> tuple[str, ...]:
    """All that this version knows, oldest first. Each file's name begins with its revision."""
    return tuple(sorted(path.stem.partition("_")[0] for path in _FILES.glob("[0-9]*.py")))


def _applied(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    applied: str | None = connection.execute(APPLIED).scalar_one_or_none()
    return applied


def _demand_promise(connection: Connection, ours: str, applied: str) -> None:
    """Raises WorkerTooOld unless every migration after ours works with workers like us."""
    beyond = select(schema_promises.c.works_with).where(schema_promises.c.revision > ours)
    needed = max(connection.execute(beyond).scalars(), default=None)
    if needed is None or needed > ours:
        raise WorkerTooOld(
            f"the database is at migration {applied}, which works with versions from"
            f" migration {needed or 'unknown'} on: this one is of {ours}"
        )


def on_a_connection(url: str, work: Callable[[Connection], A]) -> A:
    """Do it in a transaction while nobody else migrates. Blocks; raises DatabaseAway."""

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
