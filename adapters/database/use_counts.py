"""Counters of uses: one row for a principal, a class and a window, raised by every worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.session import Session, transaction
from adapters.database.tables import rate_counts
from handlers.ports import Uses


class UseCounting:
    """Counts inside a transaction of the caller's."""

    def __init__(self, documents: Documents) -> None:
        self._count = documents.insert(
            rate_counts,
            conflict="(counter_id) do update set uses = rate_counts.uses + excluded.uses",
            returning=[rate_counts.c.counter_id, rate_counts.c.uses],
        )

    async def count(self, session: Session, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        """What each has come to; sorted, so that two workers never wait in a ring."""
        rows = [
            {"counter_id": each.counter_id, "uses": each.times, "begun_at": each.at}
            for each in sorted(uses, key=lambda each: each.counter_id.int)
        ]
        return {row.counter_id: row.uses for row in await session.run(self._count, rows)}


class SqlUseCounts:
    """Implements handlers.ports.UseCounts."""

    def __init__(self, engine: AsyncEngine, documents: Documents) -> None:
        # A statement on its own needs no BEGIN and COMMIT round it; SQLite's lock begins with one.
        autocommit = engine.dialect.name == "postgresql"
        self._engine = (
            engine.execution_options(isolation_level="AUTOCOMMIT") if autocommit else engine
        )
        self._documents = documents
        self._counting = UseCounting(documents)

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        async with transaction(self._engine, self._documents) as session:
            return await self._counting.count(session, uses)

    async def forget_uses(self, begun_before: datetime, limit: int) -> int:
        """Passes by what is being counted or forgotten at this moment, and waits for nobody."""
        old = (
            select(rate_counts.c.counter_id)
            .where(rate_counts.c.begun_at < begun_before)
            .order_by(rate_counts.c.begun_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        forget = delete(rate_counts).where(rate_counts.c.counter_id.in_(old))
        async with transaction(self._engine, self._documents) as session:
            return len(await session.run(forget.returning(rate_counts.c.counter_id)))
