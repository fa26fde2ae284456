"""What is owed to partners as its rows tell it, for operators; and making a row due at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, update

from adapters.database.audit_log import SqlAuditRows
from adapters.database.operators import engine_for, reading_with, writing_with
from adapters.database.session import Session
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import booking_references, undo
from domain.undo import Owed
from handlers.ports import AuditRows, Sealer
from schemas.stored import dump_owed, load_owed


@dataclass(frozen=True, slots=True)
class UndoRow:
    """One thing owed, done or not."""

    id: UUID
    booking_id: UUID
    booking_reference: str | None
    venue_id: UUID
    owed: Owed
    attempt: int  # how many tries did not settle it
    due_at: datetime
    created_at: datetime
    done_at: datetime | None
    detail: str | None  # why the last try did not settle it


def sealed_owed(undo_id: UUID, owed: Owed, sealer: Sealer) -> str:
    """The column `owed`; a call to be made again may be in it, with what the guest pays with."""
    return sealer.seal(dump_owed(owed).encode(), _place(undo_id))


def opened_owed(row: Row[Any], sealer: Sealer) -> Owed:
    """From a row of `undo`. Raises CannotOpen."""
    return load_owed(sealer.open(row.owed, _place(row.id)).decode())


def _place(undo_id: UUID) -> str:
    return f"undo.owed/{undo_id}"


async def list_undo(
    settings: DatabaseSettings, sealer: Sealer, *, done_too: bool = False
) -> tuple[UndoRow, ...]:
    """What is owed, oldest first. Raises DatabaseAway."""
    query = _rows() if done_too else _rows().where(undo.c.done_at.is_(None))
    async with reading_with(engine_for(settings, read_only=True)) as session:
        return _read(await session.run(query), sealer)


async def find_undo(
    settings: DatabaseSettings, sealer: Sealer, ids: Sequence[UUID]
) -> tuple[UndoRow, ...]:
    """Those that exist, done or not."""
    async with reading_with(engine_for(settings, read_only=True)) as session:
        return _read(await session.run(_rows().where(undo.c.id.in_(ids))), sealer)


async def undo_of(
    session: Session, sealer: Sealer, booking_ids: Collection[UUID]
) -> tuple[UndoRow, ...]:
    """All that was ever owed for these bookings, oldest first."""
    return _read(await session.run(_rows().where(undo.c.booking_id.in_(booking_ids))), sealer)


@dataclass(frozen=True, slots=True)
class MadeDue:
    """A row that the sweeper takes now."""

    id: UUID
    booking_id: UUID
    venue_id: UUID


async def make_due(
    settings: DatabaseSettings,
    ids: Sequence[UUID] | None,
    now: datetime,
    note: Callable[[AuditRows, Sequence[MadeDue]], Awaitable[None]],
) -> frozenset[UUID]:
    """Have the sweeper take these (None: all) that are still owed; gives their ids.

    `note` writes who did it in the same transaction. Raises DatabaseAway, ChainMoved.

    Only `due_at` is written. The attempt number is the lane's: the sweeper's command is named after
    it, so a number raised here would give a command that is on its way a twin, and neither is asked
    for. A try under way that fails sets the row's next time over this one.
    """
    told = (undo.c.id, undo.c.booking_id, undo.c.venue_id)
    query = update(undo).where(undo.c.done_at.is_(None)).values(due_at=now).returning(*told)
    if ids is not None:
        query = query.where(undo.c.id.in_(ids))
    engine = engine_for(settings, read_only=False)
    async with writing_with(engine) as session:
        due = [MadeDue(row.id, row.booking_id, row.venue_id) for row in await session.run(query)]
        await note(SqlAuditRows.of(session, engine.dialect), due)
    return frozenset(row.id for row in due)


def _rows() -> Select[Any]:
    known = booking_references
    return (
        select(undo, known.c.reference)
        .join_from(undo, known, known.c.booking_id == undo.c.booking_id, isouter=True)
        .order_by(undo.c.created_at, undo.c.id)
    )


def _read(rows: Sequence[Row[Any]], sealer: Sealer) -> tuple[UndoRow, ...]:
    return tuple(
        UndoRow(
            id=row.id,
            booking_id=row.booking_id,
            booking_reference=row.reference,
            venue_id=row.venue_id,
            owed=opened_owed(row, sealer),
            attempt=row.attempt,
            due_at=row.due_at,
            created_at=row.created_at,
            done_at=row.done_at,
            detail=row.detail,
        )
        for row in rows
    )
