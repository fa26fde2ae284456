"""What has had its time, taken a chunk at a time: whole partitions of outcomes on PostgreSQL.

The ids of commands are moved out of a partition before it is dropped; what lies outside of any
partition, and everything on SQLite, is deleted row by row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Column,
    Integer,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.column_types import INSTANT
from adapters.database.documents import Document, Documents
from adapters.database.known_commands import UNDER_WAY
from adapters.database.session import Session, transaction
from adapters.database.tables import (
    booking_history,
    bookings,
    commands,
    guest_keys,
    journal,
    outcomes,
    undo,
)
from domain.lifecycle import ACTIVE
from domain.retention import Period
from handlers.ports.retention import Day, Gone

NOTHING: Final = Gone(0, is_all=True)
OUTSIDE: Final = "outcomes_default"
"""Where outcomes lie on PostgreSQL for whose time no partition was made; it should be empty."""
_MOST_SECONDS: Final = 5  # what a look may take, however long the connection allows
_ALONE: Final = "select pg_try_advisory_xact_lock(hashtext('booking retention')) as is_ours"
_TAKE: Final = """
    delete from outcomes where row_id in (
        select row_id from outcomes where recorded_at < :before order by recorded_at limit :most
    ) returning row_id
"""
# Nobody but their owner may delete outcomes there.
_TAKE_POSTGRESQL: Final = "select row_id from retention_take_outside(:before, :most)"

_Reached = tuple[str, UUID] | None
"""The partition that is being moved out, and the last id of it that was; None: none was begun."""


class SqlRetention:
    """Implements handlers.ports.RetentionRows."""

    def __init__(self, engine: AsyncEngine, documents: Documents) -> None:
        self._engine = engine
        self._documents = documents
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._reached: _Reached = None
        self._statements = _Statements(documents, is_postgresql=self._is_postgresql)

    async def clock(self) -> datetime:
        if not self._is_postgresql:  # SQLite has none but this process's
            return datetime.now(UTC)
        asked = text("select clock_timestamp() as now").columns(now=INSTANT)
        async with self._brief() as session:
            row = (await session.run(asked))[0]
        at: datetime = row.now
        return at

    async def make_ahead(self, period: Period, ahead: timedelta) -> Mapping[str, datetime]:
        if not self._is_postgresql:
            return {}
        make = text("select retention_make_ahead(:unit, :ahead) as until").columns(until=INSTANT)
        async with self._brief() as session:
            ((until,),) = await session.run(make, unit=period.value, ahead=ahead)
        return {outcomes.name: until}

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        reached = self._reached
        async with self._brief() as session:
            if not self._is_postgresql:
                return await self._retire_rows(session, ended_before, limit)
            ((is_ours,),) = await session.run(text(_ALONE))
            if not is_ours:  # another worker is at it, and goes on
                return NOTHING
            past = await session.run(self._statements.past, before=ended_before)
            if not past:
                return await self._retire_rows(session, ended_before, limit)
            gone, reached = await self._move_out(session, past[0], limit)
        # Not before the commit stands: behind a chunk that was only thought to be moved, its
        # partition would be dropped, and its commands taken for such as have not ended.
        self._reached = reached
        return gone

    async def _move_out(
        self, session: Session, partition: Row[Any], limit: int
    ) -> tuple[Gone, _Reached]:
        """The next chunk of its ids; behind the last one the partition is dropped."""
        found = outcomes.c
        after = self._reached[1] if self._reached and self._reached[0] == partition.name else None
        page = select(found.row_id).where(found.recorded_at < partition.until)
        if partition.since is not None:  # the oldest one has no beginning
            page = page.where(found.recorded_at >= partition.since)
        if after is not None:
            page = page.where(found.row_id > after)
        rows = await session.run(page.order_by(found.row_id).limit(limit))
        moved = await self._statements.move(session, [{"row_id": row.row_id} for row in rows])
        if len(rows) == limit:
            return Gone(moved, is_all=False), (partition.name, rows[-1].row_id)
        drop = text("select retention_drop(:name) as is_gone")
        ((is_gone,),) = await session.run(drop, name=partition.name)
        return Gone(moved, is_all=not is_gone), self._reached

    async def _retire_rows(self, session: Session, before: datetime, limit: int) -> Gone:
        """Where there is no partition to be dropped; on PostgreSQL there should be none of them."""
        found = await session.run(self._statements.take, before=before, most=limit)
        await self._statements.move(session, [{"row_id": row.row_id} for row in found])
        return Gone(len(found), is_all=len(found) < limit)

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        old = select(undo.c.id).where(undo.c.done_at < done_before).order_by(undo.c.done_at)
        return await self._forget(undo, undo.c.id, old, limit)

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        found = guest_keys.c
        old = (
            select(found.key_id)
            .where(
                found.erased_at < erased_before,
                found.wrapped.is_(None),
                found.tombstone_due_at.is_(None),
            )
            .order_by(found.erased_at)
        )
        return await self._forget(guest_keys, found.key_id, old, limit)

    async def _forget(
        self, table: Table, key: Column[UUID], old: Select[tuple[UUID]], limit: int
    ) -> Gone:
        """Passes by what others are at work with, and waits for nobody."""
        old = old.limit(limit).with_for_update(skip_locked=True)
        async with self._brief() as session:
            rows = await session.run(delete(table).where(key.in_(old)).returning(key))
        return Gone(len(rows), is_all=len(rows) < limit)

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        day, id_ = bookings.c.booking_date, bookings.c.id
        page = (
            select(id_, day)
            .where(
                # Behind `after` in the order of both, in words that an index on days helps with.
                day >= after.day,
                or_(day > after.day, and_(day == after.day, id_ > after.booking_id)),
                day <= ended_before.date() + timedelta(days=1),  # dates are those of the venues
            )
            .order_by(day, id_)
            .limit(limit)
        )
        async with self._brief() as session:
            looked_at = await session.run(page)
            if not looked_at:
                return NOTHING, after
            ended = await session.run(self._ended([row.id for row in looked_at], ended_before))
            rows = [{"id": row.id, "booking_id": row.id} for row in ended]
            for statement in self._statements.end_bookings:
                await session.run(statement, rows)
        last = looked_at[-1]
        reached = Day(last.booking_date, last.id)
        return Gone(len(rows), is_all=len(looked_at) < limit), reached

    def _ended(self, ids: Sequence[UUID], before: datetime) -> Select[tuple[UUID]]:
        found = bookings.c
        owed = select(undo.c.id).where(undo.c.booking_id == found.id, undo.c.done_at.is_(None))
        under_way = (
            select(journal.c.row_id)
            .join(commands, commands.c.row_id == journal.c.row_id)
            .where(commands.c.booking_id == found.id)
        )
        return (
            select(found.id)
            .where(
                found.id.in_(ids),
                found.status.not_in([each.value for each in ACTIVE]),
                found.end_time < before,
                found.updated_at < before,
                ~owed.exists(),
                ~under_way.exists(),
            )
            .with_for_update(skip_locked=True)
        )

    @asynccontextmanager
    async def _brief(self) -> AsyncIterator[Session]:
        async with transaction(self._engine, self._documents) as session:
            if self._is_postgresql:
                limit = text("select set_config('statement_timeout', :most, true)")
                await session.run(limit, most=str(_MOST_SECONDS * 1000))
            yield session


class _Statements:
    """What takes rows that a document names."""

    def __init__(self, documents: Documents, *, is_postgresql: bool) -> None:
        these = documents.rows([commands.c.row_id])
        # A letter that is put back begins its command anew under the same id, and that one stays.
        # Locked, or it could do so between two of the statements below.
        locked = " order by commands.row_id for update of commands" if is_postgresql else ""
        self._ended = documents.select(
            f"select commands.row_id from {these} join commands on commands.row_id = r.row_id"
            f" where not {UNDER_WAY}{locked}",
            commands.c.row_id,
        )
        content = documents.half_of("commands.content_hash")
        self._keep = documents.statement(
            f"insert into retired_commands (row_id, content) select commands.row_id, {content}"
            f" from {these} join commands on commands.row_id = r.row_id"
            " where true on conflict (row_id) do nothing"
        )
        self._free_keys = documents.statement(
            "delete from idempotency_keys where (key_id, row_id) in"
            f" (select commands.key_id, commands.row_id from {these}"
            " join commands on commands.row_id = r.row_id)"
        )
        self._forget = documents.delete(commands, commands.c.row_id, returning=[commands.c.row_id])
        self.past = text(
            "select name, since, until from retention_partitions()"
            " where until <= :before order by until"
        ).bindparams(bindparam("before", type_=INSTANT))
        self.take = (
            text(_TAKE_POSTGRESQL if is_postgresql else _TAKE)
            .bindparams(bindparam("before", type_=INSTANT), bindparam("most", type_=Integer()))
            .columns(outcomes.c.row_id)
        )
        self.end_bookings = (
            documents.delete(booking_history, booking_history.c.booking_id),
            # What has come to be owed since the look at the booking stays owed.
            documents.statement(
                "delete from undo where done_at is not null and booking_id in"
                f" (select booking_id from {documents.rows([undo.c.booking_id])})"
            ),
            documents.delete(bookings, bookings.c.id),
        )

    async def move(self, session: Session, rows: Document) -> int:
        """Of these commands keep no more than what nobody may ever use again; gives how many."""
        rows = [{"row_id": row.row_id} for row in await session.run(self._ended, rows)]
        await session.run(self._keep, rows)
        await session.run(self._free_keys, rows)
        return len(await session.run(self._forget, rows))
