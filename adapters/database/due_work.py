"""What the sweeper looks for: overdue expiries, undo that is due, commands nobody will end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.session import reading
from adapters.database.tables import bookings, journal, undo
from handlers.ports import Abandoned, DueExpiry, DueUndo, Owing


class SqlDueWork:
    """Implements handlers.ports.DueWork; longest overdue first."""

    def __init__(self, engine: AsyncEngine, documents: Documents) -> None:
        self._engine = engine
        self._documents = documents

    async def due_expiries(self, before: datetime, limit: int) -> Sequence[DueExpiry]:
        found = bookings.c
        query = (
            select(found.id, found.venue_id, found.version, found.sweep_attempt)
            .where(found.sweep_at.is_not(None), found.sweep_at < before)
            .order_by(found.sweep_at)
            .limit(limit)
        )
        async with reading(self._engine, self._documents) as session:
            rows = await session.run(query)
        return [DueExpiry(row.id, row.venue_id, row.version, row.sweep_attempt) for row in rows]

    async def due_undo(self, before: datetime, limit: int) -> Sequence[DueUndo]:
        query = (
            select(undo.c.id, undo.c.booking_id, undo.c.venue_id, undo.c.attempt)
            .where(undo.c.done_at.is_(None), undo.c.due_at < before)
            .order_by(undo.c.due_at)
            .limit(limit)
        )
        async with reading(self._engine, self._documents) as session:
            rows = await session.run(query)
        return [DueUndo(row.id, row.booking_id, row.venue_id, row.attempt) for row in rows]

    async def owing(self, most: int) -> Owing:
        some = (
            select(undo.c.created_at)
            .where(undo.c.done_at.is_(None))
            .order_by(undo.c.due_at)
            .limit(most)
            .subquery()
        )
        query = select(func.count().label("owed"), func.min(some.c.created_at).label("oldest"))
        async with reading(self._engine, self._documents) as session:
            (row,) = await session.run(query.select_from(some))
        return Owing(row.owed, row.oldest)

    async def abandoned(
        self, topic: str, started_before: datetime, limit: int
    ) -> Sequence[Abandoned]:
        entry = journal.c
        query = (
            select(entry.row_id, entry.partition)
            .where(entry.sequence == 0, entry.topic == topic, entry.started_at < started_before)
            .order_by(entry.started_at)
            .limit(limit)
        )
        async with reading(self._engine, self._documents) as session:
            rows = await session.run(query)
        return [Abandoned(row.row_id, row.partition) for row in rows]
