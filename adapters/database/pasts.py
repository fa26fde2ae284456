"""What is known of commands, for operators who put some back: read beside any number of workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import Integer, column, select

from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.known_commands import KnownCommands
from adapters.database.operators import engine_for, reading_with
from adapters.database.session import Session
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import (
    bookings,
    commands,
    outcomes,
    rebuild_progress,
    retired_commands,
    undo,
)
from handlers.ports import Coordinates, DataKey, KnownCommand, Later, ServiceKeys
from schemas.envelope import SYSTEM_COMMANDS

_REFUSED = 400  # an outcome's status from here on changed nothing


class HalfRebuilt(Exception):
    """Most of what was done is not known here yet, and would look as if it had never been done."""


class Pasts:
    """Looks up many at once."""

    def __init__(self, session: Session, documents: Documents, service_keys: ServiceKeys) -> None:
        self._session = session
        self._keys = GuestKeys(documents, service_keys)
        self._known = KnownCommands(documents, self._keys, service_keys)
        # A document each: a bug can leave more letters than a statement may have parameters.
        self._venues = documents.select(
            "select bookings.id, bookings.venue_id from bookings"
            f" where id in (select id from {documents.rows([bookings.c.id])})",
            bookings.c.id,
            bookings.c.venue_id,
        )
        self._open_undo = documents.select(
            "select undo.booking_id, count(*) as open from undo where undo.done_at is null"
            f" and booking_id in (select booking_id from {documents.rows([undo.c.booking_id])})"
            " group by undo.booking_id",
            undo.c.booking_id,
            column("open", Integer()),
        )

    async def knows_nothing(self) -> bool:
        """Whether no command was ever begun on this database."""
        for ids in (commands.c.row_id, retired_commands.c.row_id):
            if await self._session.run(select(ids).limit(1)):
                return False
        return True

    async def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, DataKey]:
        """Those of these guests' keys that are left."""
        return await self._keys.by_id(self._session, key_ids)

    async def known(self, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        """Those that were ever begun."""
        return await self._known.by_id(self._session, row_ids)

    async def retired(self, row_ids: Sequence[UUID]) -> Collection[UUID]:
        """Those that ended so long ago that nothing but this is left of them."""
        return (await self._known.retired(self._session, row_ids)).keys()

    async def known_at(self, places: Sequence[Coordinates]) -> Mapping[Coordinates, KnownCommand]:
        """Those whose record lies there."""
        return await self._known.by_coordinates(self._session, places)

    async def venues(self, booking_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Of those bookings that exist."""
        rows = await self._session.run(self._venues, [{"id": each} for each in booking_ids])
        return {row.id: row.venue_id for row in rows}

    async def open_undo(self, booking_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """How much is still owed for each; those with nothing are left out."""
        asked = [{"booking_id": each} for each in booking_ids]
        rows = await self._session.run(self._open_undo, asked)
        return {row.booking_id: row.open for row in rows}

    async def later(self, venue_id: UUID, sent_after_ms: int) -> Sequence[Later]:
        """Commands of clients that changed bookings at the venue and were sent after that."""
        query = (
            select(commands.c.booking_id, commands.c.operation)
            .join_from(commands, outcomes, outcomes.c.row_id == commands.c.row_id)
            .join(bookings, bookings.c.id == commands.c.booking_id)
            .where(
                bookings.c.venue_id == venue_id,
                commands.c.origin_timestamp_ms > sent_after_ms,
                commands.c.operation.not_in(SYSTEM_COMMANDS),
                outcomes.c.status < _REFUSED,
                outcomes.c.replayed_from.is_(None),  # what a key answered changed nothing itself
            )
            .order_by(commands.c.origin_timestamp_ms)
        )
        rows = await self._session.run(query)
        return [Later(row.booking_id, row.operation) for row in rows]


@asynccontextmanager
async def open_pasts(settings: DatabaseSettings, service_keys: ServiceKeys) -> AsyncIterator[Pasts]:
    """On one connection of its own. Raises DatabaseAway, HalfRebuilt."""
    engine = engine_for(settings, read_only=True)
    async with reading_with(engine) as session:
        if await session.run(select(rebuild_progress).limit(1)):
            raise HalfRebuilt("a rebuild of this database is not finished: run booking rebuild")
        yield Pasts(session, Documents(engine.dialect), service_keys)
