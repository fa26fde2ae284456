"""Guests' keys outside of any lane: the check at start, tombstones told again, wrapping anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.session import Session, transaction
from adapters.database.tables import guest_keys, service_keys
from handlers.ports import CannotOpen, ServiceKeys, WrappedKey

_PROOF: Final = b"the key that this was sealed with"
_COLUMNS: Final = [guest_keys.c[n] for n in ("key_id", "guest_id", "wrapped", "created_at")]


class SqlKeyStore:
    """Implements handlers.ports.KeyStore."""

    def __init__(self, engine: AsyncEngine, documents: Documents, service: ServiceKeys) -> None:
        self._engine = engine
        self._documents = documents
        self._service = service
        self._note = documents.insert(service_keys, conflict="(name) do nothing")
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
            proof = self._service.seal(_PROOF, _place(current))
            row = {"name": current, "proof": proof, "used_since": now}
            await session.run(self._note, [row])
            for used in await self._used(session):
                self._service.open(used.proof, _place(used.name))

    async def tombstones_due(self, now: datetime, limit: int) -> Sequence[UUID]:
        due = guest_keys.c.tombstone_due_at
        query = select(guest_keys.c.key_id).where(due <= now).order_by(due).limit(limit)
        async with transaction(self._engine, self._documents) as session:
            return [row.key_id for row in await session.run(query)]

    async def tombstones_told(self, key_ids: Sequence[UUID]) -> None:
        rows = [{"key_id": each, "tombstone_due_at": None} for each in key_ids]
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._told, rows)

    async def wrapped_by_others(self, limit: int) -> Sequence[WrappedKey]:
        wrapped = guest_keys.c.wrapped
        query = (
            select(*_COLUMNS)
            .where(wrapped.is_not(None), wrapped.not_like(_prefix(self._service.current), "!"))
            .limit(limit)
        )
        async with transaction(self._engine, self._documents) as session:
            return [_key(row) for row in await session.run(query)]

    async def write_wrapped(self, keys: Sequence[WrappedKey]) -> Sequence[WrappedKey]:
        rows = [{"key_id": key.id, "wrapped": key.wrapped} for key in keys]
        async with transaction(self._engine, self._documents) as session:
            written = {row.key_id for row in await session.run(self._wrap, rows)}
        return [key for key in keys if key.id in written]

    async def names_in_use(self) -> Sequence[str]:
        async with transaction(self._engine, self._documents) as session:
            return [row.name for row in await self._used(session)]

    async def retire_others(self) -> None:
        if await self.wrapped_by_others(1):
            raise CannotOpen("some keys are still wrapped by a key that is not the current one")
        others = service_keys.delete().where(service_keys.c.name != self._service.current)
        async with transaction(self._engine, self._documents) as session:
            await session.run(others)

    async def _used(self, session: Session) -> Sequence[Row[Any]]:
        return await session.run(select(service_keys).order_by(text("name")))


def _key(row: Row[Any]) -> WrappedKey:
    return WrappedKey(row.key_id, row.guest_id, row.wrapped, row.created_at)


def _place(name: str) -> str:
    return f"service_keys.proof/{name}"


def _prefix(name: str) -> str:
    """Of what that key wrapped, as a pattern of LIKE with ! for its escapes."""
    escaped = name.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"1.{escaped}.%"
