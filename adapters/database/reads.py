"""Read-only questions about bookings, in autocommit: they take no lock that a writer waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.booking_rows import booking_of, opened_reason
from adapters.database.claims import Claims, ClaimTable
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.outages import is_about_a_value
from adapters.database.pages import Pages, questions
from adapters.database.session import Session, reading
from adapters.database.tables import booking_history, bookings
from domain.booking import Booking
from domain.effects import FindConflicts, TakenSlot
from domain.lifecycle import Status
from domain.outcome import StatusChange
from handlers.ports import (
    NOTHING_KNOWN,
    Cache,
    CannotOpen,
    CannotRead,
    DataKey,
    HistoryRow,
    Page,
    ServiceKeys,
)
from schemas.recovered import WRONG_SHAPE


class SqlBookingReads:
    """Implements handlers.ports.BookingReads for one database: all that it has."""

    def __init__(
        self,
        engine: AsyncEngine,
        documents: Documents,
        claim_table: ClaimTable,
        service_keys: ServiceKeys,
        rows: Cache | None = None,
    ) -> None:
        """`rows` remembers bookings' rows by reference, sealed as they lie in their table."""
        self._rows = rows
        self._keys = GuestKeys(documents, service_keys)
        self._engine = engine
        self._documents = documents
        self._claims = Claims(documents, claim_table)
        self._pages = Pages(documents)
        self._by_id = documents.find(bookings, bookings.c.id)
        self._by_reference = documents.find(bookings, bookings.c.booking_reference)
        self._histories = documents.find(booking_history, booking_history.c.booking_id)

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]:
        async with self._reading() as session:
            rows = await session.run(self._by_id, [{"id": each} for each in ids])
            return {each.id: each for each in await self._opened(session, rows)}

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]:
        async with self._reading() as session:
            rows = await self._rows_by_reference(session, references, known)
            return {each.reference: each for each in await self._opened(session, rows)}

    async def _rows_by_reference(
        self, session: Session, references: Sequence[str], known: Mapping[str, int]
    ) -> Sequence[Row[Any]]:
        """Whether a guest's key is left is asked for every one of them."""
        if self._rows is None:
            return await self._rows_of(session, references)
        cache = self._rows
        held = {
            reference: row
            for reference in references
            if (row := cache.held(reference, _no_older_than(known.get(reference, 0))))
        }
        lacking = [each for each in references if each not in held]
        with cache.loading(lacking) as loading:
            found = await self._rows_of(session, lacking)
            for row in found:
                loading.keep(row.booking_reference, row.booking_reference, row)
        return [*held.values(), *found]

    async def _rows_of(self, session: Session, references: Sequence[str]) -> Sequence[Row[Any]]:
        return await session.run(
            self._by_reference, [{"booking_reference": each} for each in references]
        )

    async def histories(
        self, booking_ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Sequence[HistoryRow]]:
        found: dict[UUID, list[HistoryRow]] = defaultdict(list)
        async with self._reading() as session:
            rows = await session.run(
                self._histories, [{"booking_id": each} for each in booking_ids]
            )
            keys = await self._keys.opening(session, (row.reason for row in rows))
            with _understood():
                for row in sorted(rows, key=lambda row: row.version):
                    step = HistoryRow(_change_of(row, keys), row.version, row.created_at)
                    found[row.booking_id].append(step)
        return dict(found)

    async def pages(self, asked: Collection[Page]) -> Mapping[Page, Sequence[Booking]]:
        found: dict[Page, list[Booking]] = {page: [] for page in asked}
        async with self._reading() as session:
            for statement, pages in self._pages.statements(asked):
                rows = await session.run(statement, questions(pages))
                keys = await self._keys.opening(session, (row.personal for row in rows))
                with _understood():
                    for row in rows:
                        found[pages[row.ord]].append(booking_of(row[1:], keys))
        return found

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        async with self._reading() as session:
            return await self._claims.find_conflicts(session, questions)

    async def _opened(self, session: Session, rows: Sequence[Row[Any]]) -> Sequence[Booking]:
        keys = await self._keys.opening(session, (row.personal for row in rows))
        with _understood():
            return [booking_of(row, keys) for row in rows]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Session]:
        """What is about a key or a value, and not about the database, becomes CannotRead."""
        try:
            async with reading(self._engine, self._documents) as session:
                yield session
        except CannotOpen as error:
            raise CannotRead(str(error)) from error
        except DBAPIError as error:
            if not is_about_a_value(error):
                raise
            raise CannotRead(str(error.orig)) from error


@contextmanager
def _understood() -> Iterator[None]:
    """For what is taken from rows, and for no statement: a driver's bug may raise the same."""
    try:
        yield
    except WRONG_SHAPE as error:
        raise CannotRead(repr(error)) from error


def _change_of(row: Row[Any], keys: Mapping[UUID, DataKey]) -> StatusChange:
    return StatusChange(
        from_status=None if row.from_status is None else Status(row.from_status),
        to_status=Status(row.to_status),
        changed_by=row.changed_by,
        reason=opened_reason(row, keys),
    )


def _no_older_than(version: int) -> Callable[[Row[Any]], bool]:
    return lambda row: row.version >= version
