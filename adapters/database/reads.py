"""Read-only questions about bookings, in autocommit: they take no lock that a writer waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.booking_rows import booking_of, opened_reason
from adapters.database.claims import Claims, ClaimTable
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.session import Session, reading
from adapters.database.tables import booking_history, bookings
from domain.booking import Booking
from domain.effects import FindConflicts, TakenSlot
from domain.lifecycle import Status
from domain.outcome import StatusChange
from domain.queries import Listing
from handlers.ports import NOTHING_KNOWN, Cache, HistoryRow, ServiceKeys


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
        self._by_id = documents.find(bookings, bookings.c.id)
        self._by_reference = documents.find(bookings, bookings.c.booking_reference)
        self._histories = documents.find(booking_history, booking_history.c.booking_id)

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]:
        async with reading(self._engine, self._documents) as session:
            rows = await session.run(self._by_id, [{"id": each} for each in ids])
            return {each.id: each for each in await self._opened(session, rows)}

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]:
        async with reading(self._engine, self._documents) as session:
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
        async with reading(self._engine, self._documents) as session:
            rows = await session.run(
                self._histories, [{"booking_id": each} for each in booking_ids]
            )
            keys = await self._keys.opening(session, (row.reason for row in rows))
        found: dict[UUID, list[HistoryRow]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.version):
            change = StatusChange(
                from_status=None if row.from_status is None else Status(row.from_status),
                to_status=Status(row.to_status),
                changed_by=row.changed_by,
                reason=opened_reason(row, keys),
            )
            found[row.booking_id].append(HistoryRow(change, row.version, row.created_at))
        return dict(found)

    async def guest_bookings(
        self, guest_id: UUID, page: Listing, venue_ids: frozenset[UUID] | None
    ) -> Sequence[Booking]:
        query = select(bookings).where(bookings.c.guest_id == guest_id)
        if venue_ids is not None:
            query = query.where(bookings.c.venue_id.in_(sorted(venue_ids)))
        return await self._page(query, page)

    async def venue_bookings(self, venue_id: UUID, page: Listing) -> Sequence[Booking]:
        return await self._page(select(bookings).where(bookings.c.venue_id == venue_id), page)

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        async with reading(self._engine, self._documents) as session:
            return await self._claims.find_conflicts(session, questions)

    async def _page(self, query: Select[tuple[object, ...]], page: Listing) -> Sequence[Booking]:
        async with reading(self._engine, self._documents) as session:
            return await self._opened(session, await session.run(paged(query, page)))

    async def _opened(self, session: Session, rows: Sequence[Row[Any]]) -> Sequence[Booking]:
        keys = await self._keys.opening(session, (row.personal for row in rows))
        return [booking_of(row, keys) for row in rows]


def _no_older_than(version: int) -> Callable[[Row[Any]], bool]:
    return lambda row: row.version >= version


def paged(query: Select[tuple[object, ...]], page: Listing) -> Select[tuple[object, ...]]:
    """One more row than asked for, from right after the last row of the page before."""
    starts_at = bookings.c.booking_time
    if page.status is not None:
        query = query.where(bookings.c.status == page.status.value)
    if page.starts_from is not None:
        query = query.where(starts_at >= page.starts_from)
    if page.starts_before is not None:
        query = query.where(starts_at < page.starts_before)
    if page.after is not None:
        last_start, last_id = page.after
        # The first condition is for the index, which cannot use the second.
        query = query.where(
            starts_at <= last_start,
            or_(starts_at < last_start, and_(starts_at == last_start, bookings.c.id > last_id)),
        )
    return query.order_by(starts_at.desc(), bookings.c.id).limit(page.limit + 1)
