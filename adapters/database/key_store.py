"""Guests' keys outside of any lane: the check at start, tombstones told again, wrapping anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.guest_keys import proof_place, proof_row
from adapters.database.session import Session, transaction
from adapters.database.tables import guest_keys, journal, service_keys, undo
from adapters.database.undo_rows import opened_owed, sealed_owed
from handlers.ports import CannotOpen, ServiceKeys, WrappedKey

_COLUMNS: Final = [guest_keys.c[n] for n in ("key_id", "guest_id", "wrapped", "created_at")]


class SqlKeyStore:
    """Implements handlers.ports.KeyStore."""

    def __init__(self, engine: AsyncEngine, documents: Documents, service: ServiceKeys) -> None:
        self._engine = engine
        self._documents = documents
        self._service = service
        self._note = documents.insert(service_keys, conflict="(name) do nothing")
        self._seal_owed = documents.update(undo, undo.c.id, ["owed"])
        self._told = documents.update(guest_keys, guest_keys.c.key_id, ["tombstone_due_at"])
        self._wrap = documents.update(
            guest_keys,
            guest_keys.c.key_id,
            ["wrapped"],
            only_if="guest_keys.wrapped is not null",
            returning=[guest_keys.c.key_id],
        )

    async def check(self, now: datetime) -> None:
        current = self._service.current
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._note, [proof_row(self._service, current, now)])
            for used in await self._used(session):
                self._service.open(used.proof, proof_place(used.name))

    async def tombstones_due(self, now: datetime, limit: int) -> Sequence[UUID]:
        due = guest_keys.c.tombstone_due_at
        query = select(guest_keys.c.key_id).where(due <= now).order_by(due).limit(limit)
        async with transaction(self._engine, self._documents) as session:
            return [row.key_id for row in await session.run(query)]

    async def tombstones_told(self, key_ids: Sequence[UUID]) -> None:
        rows = [{"key_id": each, "tombstone_due_at": None} for each in key_ids]
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._told, rows)

    async def wrapped_by_others(self, after: UUID | None, limit: int) -> Sequence[WrappedKey]:
        query = (
            select(*_COLUMNS)
            .where(guest_keys.c.wrapped.is_not(None), self._by_others(guest_keys.c.wrapped))
            .order_by(guest_keys.c.key_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(guest_keys.c.key_id > after)
        async with transaction(self._engine, self._documents) as session:
            return [_key(row) for row in await session.run(query)]

    async def seal_owed_again(self) -> int:
        query = select(undo.c.id, undo.c.owed).where(self._by_others(undo.c.owed))
        async with transaction(self._engine, self._documents) as session:
            rows = [
                {
                    "id": row.id,
                    "owed": sealed_owed(row.id, opened_owed(row, self._service), self._service),
                }
                for row in await session.run(query)
            ]
            await session.run(self._seal_owed, rows)
        return len(rows)

    async def write_wrapped(self, keys: Sequence[WrappedKey]) -> Sequence[WrappedKey]:
        in_order = sorted(keys, key=lambda key: key.id)  # so that two of us never wait in a ring
        rows = [{"key_id": key.id, "wrapped": key.wrapped} for key in in_order]
        async with transaction(self._engine, self._documents) as session:
            written = {row.key_id for row in await session.run(self._wrap, rows)}
        return [key for key in keys if key.id in written]

    async def names_in_use(self) -> Sequence[str]:
        async with transaction(self._engine, self._documents) as session:
            return [row.name for row in await self._used(session)]

    async def retire_others(self) -> None:
        others = service_keys.delete().where(service_keys.c.name != self._service.current)
        async with transaction(self._engine, self._documents) as session:
            for column in (guest_keys.c.wrapped, undo.c.owed, journal.c.body):
                query = select(column).where(column.is_not(None), self._by_others(column)).limit(1)
                if await session.run(query):
                    raise CannotOpen(
                        f"{column} still holds something that another key than the current one"
                        " sealed: workers that have that one first are still at work"
                    )
            await session.run(others)

    def _by_others(self, column: Column[Any]) -> ColumnElement[bool]:
        """Whether another key than the current one sealed what is in it."""
        prefix = f"1.{self._service.current}."
        return func.substr(column, 1, len(prefix)) != prefix

    async def _used(self, session: Session) -> Sequence[Row[Any]]:
        return await session.run(select(service_keys).order_by(text("name")))


def _key(row: Row[Any]) -> WrappedKey:
    return WrappedKey(row.key_id, row.guest_id, row.wrapped, row.created_at)
