"""What an operator asks about one booking: its row, its commands with their journals, its undo.

Read-only, in autocommit, beside any number of workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, Select, or_, select

from adapters.database.booking_rows import booking_of
from adapters.database.command_rows import entry_of, outcome_of, start_of
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.operators import engine_for, reading_with
from adapters.database.session import Session
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import (
    booking_references,
    bookings,
    claims,
    commands,
    journal,
    outcomes,
)
from adapters.database.undo_rows import UndoRow, undo_of
from domain.booking import Booking
from domain.effects import TakenSlot
from domain.time_slot import TimeSlot
from handlers.ports import ServiceKeys, Start, StoredOutcome


@dataclass(frozen=True, slots=True)
class CommandStory:
    """One command: how it started, what was heard, how it ended."""

    start: Start
    outcome: StoredOutcome | None  # None: started and not ended
    recorded_at: datetime | None
    journal: tuple[dict[str, Any], ...]  # its entries, in order


@dataclass(frozen=True, slots=True)
class BookingStory:
    """All that is known; without a booking when its create was refused or never ended."""

    booking: Booking | None
    commands: tuple[CommandStory, ...]  # in the order in which they were first begun
    claims: tuple[TakenSlot, ...]
    undo: tuple[UndoRow, ...]


class Stories:
    """Finds what belongs to a booking, by whatever name the operator has of it."""

    def __init__(self, session: Session, documents: Documents, service_keys: ServiceKeys) -> None:
        self._session = session
        self._sealer = service_keys
        self._keys = GuestKeys(documents, service_keys)

    async def about(self, name: str) -> BookingStory | None:
        """By reference, booking id or command id; None when nothing is known under that name."""
        booking_id, rows = await self._named(name)
        if booking_id is not None:
            of_it = await self._session.run(_commands().where(commands.c.booking_id == booking_id))
            rows = sorted({row.row_id: row for row in (*rows, *of_it)}.values(), key=_begun)
        if booking_id is None and not rows:
            return None
        found = await self._session.run(select(bookings).where(bookings.c.id == booking_id))
        if not found and not rows:
            return None
        keys = await self._keys.opening(self._session, (row.personal for row in found))
        return BookingStory(
            booking=booking_of(found[0], keys) if found else None,
            commands=await self._stories(rows),
            claims=await self._claims(booking_id),
            undo=await undo_of(self._session, self._sealer, _bookings(booking_id, rows)),
        )

    async def _named(self, name: str) -> tuple[UUID | None, Sequence[Row[Any]]]:
        try:
            id_ = UUID(name)
        except ValueError:
            query = select(booking_references.c.booking_id).where(
                booking_references.c.reference == name.upper()
            )
            found = await self._session.run(query)
            return (found[0].booking_id if found else None), ()
        if await self._session.run(select(bookings.c.id).where(bookings.c.id == id_)):
            return id_, ()
        known = commands.c
        rows = await self._session.run(
            _commands().where(or_(known.row_id == id_, known.booking_id == id_))
        )
        if not rows:  # reads them all: ids are scoped by principal, and nobody else asks without
            rows = await self._session.run(_commands().where(known.command_id == id_))
        named = [row for row in rows if row.booking_id is not None]
        of_one = len({row.principal for row in named}) == 1  # or several people used one id
        if not named or (len({row.booking_id for row in named}) > 1 and not of_one):
            return None, rows
        # A create that was put back was to make another booking with every run.
        return max(named, key=lambda row: int(row.run)).booking_id, rows

    async def _stories(self, rows: Sequence[Row[Any]]) -> tuple[CommandStory, ...]:
        open_ids = [row.row_id for row in rows if row.status is None]
        heard: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        entries = await self._session.run(
            select(journal.c.row_id, journal.c.sequence, journal.c.body)
            .where(journal.c.row_id.in_(open_ids), journal.c.sequence > 0)
            .order_by(journal.c.row_id, journal.c.sequence)
        )
        for entry in entries:
            heard[entry.row_id].append(orjson.loads(entry_of(entry, self._sealer)))
        return tuple(
            CommandStory(
                start=start_of(row),
                outcome=outcome_of(row),
                recorded_at=row.recorded_at,
                journal=tuple(orjson.loads(row.story) if row.story else heard[row.row_id]),
            )
            for row in rows
        )

    async def _claims(self, booking_id: UUID | None) -> tuple[TakenSlot, ...]:
        query = select(claims.c.item, claims.c.starts_at, claims.c.ends_at)
        rows = await self._session.run(query.where(claims.c.booking_id == booking_id))
        return tuple(TakenSlot(TimeSlot(row.starts_at, row.ends_at), row.item) for row in rows)


@asynccontextmanager
async def open_stories(
    settings: DatabaseSettings, service_keys: ServiceKeys
) -> AsyncIterator[Stories]:
    """On one connection of its own. Raises DatabaseAway."""
    engine = engine_for(settings, read_only=True)
    async with reading_with(engine) as session:
        yield Stories(session, Documents(engine.dialect), service_keys)


def _bookings(booking_id: UUID | None, rows: Sequence[Row[Any]]) -> set[UUID]:
    """The one asked for, and those that earlier runs of its create began."""
    return {each for each in (booking_id, *(row.booking_id for row in rows)) if each is not None}


def _begun(row: Row[Any]) -> tuple[datetime, int, UUID]:
    return row.decided, row.timestamp_ms, row.row_id


def _commands() -> Select[Any]:
    ended = outcomes.c
    return (
        select(
            commands,
            ended.status,
            ended.code,
            ended.reply,
            ended.events,
            ended.replayed_from,
            ended.sealed,
            ended.recorded_at,
            ended.journal.label("story"),
        )
        .join_from(commands, outcomes, outcomes.c.row_id == commands.c.row_id, isouter=True)
        .order_by(commands.c.decided, commands.c.timestamp_ms, commands.c.row_id)
    )
