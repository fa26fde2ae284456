"""One connection, and the one place through which statements go to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import Executable, Row, Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.database.documents import Document, Documents
from adapters.database.outages import outages_named

SETTING: Final = "booking_setting"
"""An engine's option: the setting that says where it connects to."""
_USUAL: Final = "BOOKING_DATABASE__URL"


class Session:
    """Runs statements on a connection; raises DatabaseAway when that is lost."""

    def __init__(
        self, connection: AsyncConnection, documents: Documents, setting: str = _USUAL
    ) -> None:
        self._connection = connection
        self._documents = documents
        self._setting = setting

    async def run(
        self, statement: Executable, rows: Document | None = None, **parameters: object
    ) -> Sequence[Row[Any]]:
        """The rows that come back. With an empty document nothing is sent."""
        if rows is not None:
            if not rows:
                return ()
            parameters["rows"] = self._documents.dump(rows)
        with outages_named(self._setting):
            result = await self._connection.execute(statement, parameters)
            return result.all() if result.returns_rows else ()

    async def run_unless_refused(self, statement: Executable, **parameters: object) -> bool:
        """Whether it went through; when a row is in the way of another, nothing of it is done."""
        with outages_named(self._setting):
            try:
                async with self._connection.begin_nested():
                    await self._connection.execute(statement, parameters)
            except IntegrityError:
                return False
        return True

    async def copy(self, rows: Mapping[Table, Document]) -> bool:
        """PostgreSQL's COPY, table by table: all of the rows, or none when one is there already.

        Of a table all rows have the same columns in the same order. Something else has to have been
        run in the transaction before: that is what begins it.
        """
        raw = (await self._connection.get_raw_connection()).driver_connection
        if not isinstance(raw, asyncpg.Connection):
            raise TypeError(f"expected a connection of asyncpg, got {type(raw).__name__}")
        with outages_named(self._setting):
            savepoint = raw.transaction()
            await savepoint.start()
            try:
                for table, each in rows.items():
                    if each:
                        records = [tuple(row.values()) for row in each]
                        names = list(each[0])
                        await raw.copy_records_to_table(table.name, columns=names, records=records)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                await savepoint.rollback()
                return False
            await savepoint.commit()
        return True


@asynccontextmanager
async def transaction(engine: AsyncEngine, documents: Documents) -> AsyncIterator[Session]:
    """Commits at the end of the block, rolls back on an exception."""
    with outages_named():
        connection = await engine.connect()
    try:
        with outages_named():
            await connection.begin()
        yield Session(connection, documents)
        with outages_named():
            await connection.commit()
    finally:
        await connection.close()  # rolls back what was not committed


@asynccontextmanager
async def reading(engine: AsyncEngine, documents: Documents) -> AsyncIterator[Session]:
    """For an engine in autocommit: every statement sees what is committed when it runs."""
    setting = engine.get_execution_options().get(SETTING, _USUAL)
    with outages_named(setting):
        connection = await engine.connect()
    try:
        yield Session(connection, documents, setting)
    finally:
        await connection.close()
