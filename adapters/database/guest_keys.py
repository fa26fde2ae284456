"""Guests' keys in their table, and what else is sealed with them on its way in and out of rows.

Whether a key is left is asked with every read, so that what is erased is erased for every worker at
once; none keeps a key longer than its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import guest_keys
from handlers.ports import DataKey, ServiceKeys, WrappedKey, key_id_of

_IS_LEFT = "guest_keys.wrapped is not null"


class GuestKeys:
    """Finds, makes and destroys them, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, service: ServiceKeys) -> None:
        self._service = service
        columns = [guest_keys.c[n] for n in ("key_id", "guest_id", "wrapped", "created_at")]
        names = ", ".join(f"guest_keys.{each.name}" for each in columns)
        self._of_guests = documents.select(
            f"select {names} from guest_keys where {_IS_LEFT} and guest_id in"
            f" (select guest_id from {documents.rows([guest_keys.c.guest_id])})",
            *columns,
        )
        self._by_id = documents.select(
            f"select {names} from guest_keys where {_IS_LEFT} and key_id in"
            f" (select key_id from {documents.rows([guest_keys.c.key_id])})",
            *columns,
        )
        self._add = documents.insert(
            guest_keys, conflict="(guest_id) where wrapped is not null do nothing"
        )
        self._restore = documents.insert(guest_keys, conflict="do nothing")
        self._destroy = documents.update(
            guest_keys,
            guest_keys.c.guest_id,
            ["wrapped", "erased_at", "tombstone_due_at"],
            only_if=_IS_LEFT,
            returning=[guest_keys.c.key_id],
        )

    async def of_guests(
        self, session: Session, guest_ids: Sequence[UUID], now: datetime
    ) -> Mapping[UUID, DataKey]:
        """Each guest's own; those who have none are given one."""
        asked = [{"guest_id": each} for each in sorted(set(guest_ids))]
        found = self._opened(await session.run(self._of_guests, asked))
        missing = [row for row in asked if row["guest_id"] not in found]
        while missing:
            made = {row["guest_id"]: self._service.create(row["guest_id"]) for row in missing}
            await session.run(self._add, [_row(made[row["guest_id"]], now) for row in missing])
            # Another lane may have been faster, and then its key counts.
            found |= self._opened(await session.run(self._of_guests, missing))
            missing = [row for row in missing if row["guest_id"] not in found]
        return found

    async def left(self, session: Session, key_ids: Iterable[UUID]) -> Mapping[UUID, WrappedKey]:
        """Those of these that were not destroyed, as they lie there."""
        rows = await session.run(self._by_id, [{"key_id": each} for each in sorted(set(key_ids))])
        return {
            row.key_id: WrappedKey(row.key_id, row.guest_id, row.wrapped, row.created_at)
            for row in rows
        }

    async def by_id(self, session: Session, key_ids: Iterable[UUID]) -> Mapping[UUID, DataKey]:
        """Those of these that were not destroyed. Raises CannotOpen."""
        left = await self.left(session, key_ids)
        return {
            key.id: self._service.unwrapped(key.id, key.guest_id, key.wrapped)
            for key in left.values()
        }

    async def opening(
        self, session: Session, sealed: Iterable[str | None]
    ) -> Mapping[UUID, DataKey]:
        """What is left of the keys that sealed these texts; None among them is nothing sealed."""
        return await self.by_id(session, {key_id_of(each) for each in sealed if each is not None})

    async def destroy(
        self, session: Session, guest_ids: Sequence[UUID], now: datetime, again_at: datetime
    ) -> Sequence[UUID]:
        """The ids of those that were left until now; `again_at` their tombstones are due again."""
        rows = await session.run(
            self._destroy,
            [
                {
                    "guest_id": each,
                    "wrapped": None,
                    "erased_at": now,
                    "tombstone_due_at": again_at,
                }
                for each in guest_ids
            ],
        )
        return sorted(row.key_id for row in rows)

    async def restore(self, session: Session, keys: Sequence[WrappedKey]) -> None:
        """Write down what a topic told; what is there already is left."""
        await session.run(self._restore, [_row(each, each.created_at) for each in keys])

    def _opened(self, rows: Sequence[Row[Any]]) -> dict[UUID, DataKey]:
        return {
            row.guest_id: self._service.unwrapped(row.key_id, row.guest_id, row.wrapped)
            for row in rows
        }


def _row(key: DataKey | WrappedKey, created_at: datetime) -> dict[str, object]:
    return {
        "key_id": key.id,
        "guest_id": key.guest_id,
        "wrapped": key.wrapped,
        "created_at": created_at,
        "erased_at": None,
        "tombstone_due_at": None,
    }
