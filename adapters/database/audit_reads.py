"""The audit log as operators read it: page by page, whatever its length, beside any number of
workers.

Values are given as they are hashed, text and whole numbers. On SQLite they are not even parsed:
whatever somebody wrote there is for the chain to judge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_, type_coerce, union_all
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType

from adapters.database.column_types import instant_text
from adapters.database.operators import engine_for, reading_with
from adapters.database.session import Session
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import audit, audit_cuts, booking_references
from handlers.ports import AuditRow, Cut, Head

_PAGE: Final = 2_000
_NAMES: Final = tuple(str(each.name) for each in audit.c)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; all of what is named has to hold."""

    booking_id: UUID | None = None
    subject: str | None = None
    role: str | None = None
    guest_id: UUID | None = None
    since: datetime | None = None  # inclusive
    until: datetime | None = None  # exclusive
    refused: bool = False


class AuditReads:
    """Read-only; every page sees what is committed when it is read."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def count(self) -> int:
        """How many entries there are, from the first and the last place of each chain."""
        found = 0
        async for chain in self._chains():
            here = _places(chain)
            first = await self._one(here.order_by(audit.c.sequence).limit(1))
            last = await self._one(here.order_by(audit.c.sequence.desc()).limit(1))
            found += int(last) - int(first) + 1
        return found

    async def chain_by_chain(self, *, page: int = _PAGE) -> AsyncIterator[AuditRow]:
        """All entries, each chain from its first to its last."""
        async for chain in self._chains():
            rows: Sequence[Row[Any]] = ()
            of_chain = _entries().where(audit.c.chain == chain).order_by(audit.c.sequence)
            while True:
                query = of_chain.where(audit.c.sequence > rows[-1].sequence) if rows else of_chain
                rows = await self._session.run(query.limit(page))
                for row in rows:
                    yield _plain(row)
                if len(rows) < page:
                    break

    async def cuts(self) -> Sequence[Cut]:
        """Where somebody says that chains were cut on purpose; whoever reads it asks for proof."""
        rows = await self._session.run(
            select(audit_cuts).order_by(audit_cuts.c.chain, audit_cuts.c.sequence)
        )
        return [
            Cut(row.chain, Head(int(row.sequence), row.hash), row.key_id, row.mac) for row in rows
        ]

    async def found(self, wanted: Wanted, *, page: int = _PAGE) -> AsyncIterator[AuditRow]:
        """In the order of the database's time."""
        after: tuple[datetime, str, int] | None = None
        while True:
            rows = [_plain(row) for row in await self._session.run(_page(wanted, after, page))]
            for row in rows:
                yield row
            if len(rows) < page:
                return
            last = rows[-1]
            at = datetime.fromisoformat(str(last["at"]))
            after = at, str(last["chain"]), int(str(last["sequence"]))

    async def booking_named(self, name: str) -> UUID | None:
        """By its id or its reference; of bookings that are lost the log itself may know one."""
        try:
            return UUID(name)
        except ValueError:
            reference = name.upper()
        known = select(booking_references.c.booking_id).where(
            booking_references.c.reference == reference
        )
        told = select(audit.c.booking_id).where(
            audit.c.booking_reference == reference, audit.c.booking_id.is_not(None)
        )
        for query in (known, told.limit(1)):
            if rows := await self._session.run(query):
                return rows[0].booking_id  # type: ignore[no-any-return]
        return None

    async def _chains(self) -> AsyncIterator[str]:
        first = select(audit.c.chain).order_by(audit.c.chain).limit(1)
        query = first
        while rows := await self._session.run(query):
            chain = rows[0].chain
            yield chain
            query = first.where(audit.c.chain > chain)

    async def _one(self, query: Select[Any]) -> Any:
        ((value,),) = await self._session.run(query)
        return value


@asynccontextmanager
async def open_audit_reads(settings: DatabaseSettings) -> AsyncIterator[AuditReads]:
    """On one connection of its own. Raises DatabaseAway."""
    engine = engine_for(settings, read_only=True, is_patient=True)  # it may look at the whole log
    async with reading_with(engine) as session:
        yield AuditReads(session)


def _entries() -> Any:
    return select(*(type_coerce(each, NullType()).label(each.name) for each in audit.c))


def _places(chain: str) -> Select[Any]:
    return select(type_coerce(audit.c.sequence, NullType())).where(audit.c.chain == chain)


def _page(wanted: Wanted, after: tuple[datetime, str, int] | None, page: int) -> Any:
    conditions = list(_conditions(wanted))
    place = tuple_(audit.c.at, audit.c.chain, audit.c.sequence)
    if after is not None:
        conditions.append(place > tuple_(*after, types=[each.type for each in _PLACE]))
    query = _entries().where(*conditions)
    order = [each.name for each in _PLACE]
    if wanted.booking_id is None:
        return query.order_by(*order).limit(page)
    # One after the other, as each has an index of its own.
    own = query.where(audit.c.booking_id == wanted.booking_id)
    in_lists = query.where(
        audit.c.shown.is_not(None), audit.c.shown.contains(str(wanted.booking_id))
    )
    both = union_all(own, in_lists).subquery()
    return select(both).order_by(*(both.c[name] for name in order)).limit(page)


_PLACE: Final = (audit.c.at, audit.c.chain, audit.c.sequence)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.subject is not None:
        found.append(audit.c.subject == wanted.subject)
    if wanted.role is not None:
        found.append(audit.c.role == wanted.role)
    if wanted.guest_id is not None:
        found.append(audit.c.guest_id == wanted.guest_id)
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    if wanted.refused:
        found.append(audit.c.outcome == "refused")
    return found


def _plain(row: Row[Any]) -> AuditRow:
    return {name: _value(value) for name, value in zip(_NAMES, row, strict=True)}


def _value(value: object) -> str | int | None:
    if value is None or isinstance(value, str | int):
        return value
    return instant_text(value) if isinstance(value, datetime) else str(value)
