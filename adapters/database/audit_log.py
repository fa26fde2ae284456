"""The audit log's table: the heads of its chains, and what is added to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from sqlalchemy import Dialect, column
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.column_types import INSTANT
from adapters.database.documents import Documents
from adapters.database.operators import engine_for
from adapters.database.session import Session, transaction
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import audit
from handlers.ports import AuditRow, AuditRows, ChainMoved, Head

# Both read the clock, not the time at which the transaction began: it may have waited since.
_POSTGRESQL_NOW = "clock_timestamp()"
_SQLITE_NOW = "strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00'"


class AuditStatements:
    """Runs them, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, dialect: Dialect) -> None:
        now = _POSTGRESQL_NOW if dialect.name == "postgresql" else _SQLITE_NOW
        self._heads = documents.select(
            f"select r.chain, audit.sequence, audit.hash, {now} as now"
            f" from {documents.rows([audit.c.chain])}"
            " left join audit on audit.chain = r.chain and audit.sequence ="
            " (select max(a.sequence) from audit as a where a.chain = r.chain)",
            audit.c.chain,
            audit.c.sequence,
            audit.c.hash,
            column("now", INSTANT),
        )
        self._append = documents.insert(audit)

    async def heads(
        self, session: Session, chains: Collection[str]
    ) -> tuple[datetime, Mapping[str, Head]]:
        rows = await session.run(self._heads, [{"chain": each} for each in sorted(chains)])
        heads = {row.chain: Head(row.sequence, row.hash) for row in rows if row.hash is not None}
        return rows[0].now, heads

    async def append(self, session: Session, rows: Sequence[AuditRow]) -> None:
        # In one order for all, so that two who answer queries never wait for each other in a ring.
        in_order = sorted(rows, key=lambda row: str(row["chain"]))
        try:
            await session.run(self._append, in_order)
        except IntegrityError as error:
            chains = ", ".join(sorted({str(row["chain"]) for row in rows}))
            raise ChainMoved(f"somebody else has added to one of {chains}") from error


class SqlAuditLog:
    """Implements handlers.ports.AuditLog."""

    def __init__(self, engine: AsyncEngine, documents: Documents) -> None:
        self._engine = engine
        self._documents = documents
        self._statements = AuditStatements(documents, engine.dialect)

    def transaction(self) -> AbstractAsyncContextManager[AuditRows]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AuditRows]:
        async with transaction(self._engine, self._documents) as session:
            yield SqlAuditRows(session, self._statements)


class SqlAuditRows:
    """Implements handlers.ports.AuditRows."""

    def __init__(self, session: Session, statements: AuditStatements) -> None:
        self._session = session
        self._statements = statements

    @classmethod
    def of(cls, session: Session, dialect: Dialect) -> SqlAuditRows:
        """For a transaction of an operator's command."""
        return cls(session, AuditStatements(Documents(dialect), dialect))

    async def audit_heads(self, chains: Collection[str]) -> tuple[datetime, Mapping[str, Head]]:
        return await self._statements.heads(self._session, chains)

    async def append_audit(self, rows: Sequence[AuditRow]) -> None:
        await self._statements.append(self._session, rows)


@asynccontextmanager
async def open_audit_log(settings: DatabaseSettings) -> AsyncIterator[SqlAuditLog]:
    """For the command line, on one connection of its own."""
    engine = engine_for(settings, read_only=False)
    try:
        yield SqlAuditLog(engine, Documents(engine.dialect))
    finally:
        await engine.dispose()
