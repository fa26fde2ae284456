"""One connection, and the one place through which statements go to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Executable, Row
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
