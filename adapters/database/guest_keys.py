"""Guests' keys in their table, and what else is sealed with them on its way in and out of rows.

Whether a key is left is asked with every read, so that what is erased is erased for every worker at
once; none keeps a key longer than its transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final
from uuid import UUID

from sqlalchemy import column

from adapters.database.column_types import KNOWN_ID
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import guest_keys, service_keys
from handlers.ports import DataKey, Erasure, ServiceKeys, WrappedKey, key_id_of
from handlers.ports import GuestKeys as Found
from schemas.guest_keys import wrapped_by

_IS_LEFT: Final = "guest_keys.wrapped is not null"
_NUMBER: Final = attrgetter("int")  # ids by it are in their order, and sorted much quicker
PROOF: Final = b"the key that this was sealed with"


class GuestKeys:
    """Finds, makes and destroys them, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, service: ServiceKeys) -> None:
        self._service = service
        columns = [guest_keys.c[n] for n in ("key_id", "guest_id", "wrapped")]
        names = ", ".join(f"guest_keys.{each.name}" for each in columns)
        every = list(guest_keys.c)
        asked = documents.rows_typed(
            {"guest_id": guest_keys.c.guest_id, "made": guest_keys.c.key_id}
        )
        self._of_guests = documents.select(
            f"select {', '.join(f'guest_keys.{each.name}' for each in every)} from {asked}"
            " join guest_keys on guest_keys.guest_id = r.guest_id"
            " where r.made is null or guest_keys.key_id <> r.made",
            *every,
        )
        self._by_id = documents.select(
            f"select {names} from guest_keys where {_IS_LEFT} and key_id in"
            f" (select key_id from {documents.rows([guest_keys.c.key_id])})",
            *columns,
        )
        self._add = documents.insert(
            guest_keys,
            conflict="(guest_id) where is_current = 1 do nothing",
            returning=[column("guest_id", KNOWN_ID)],
        )
        self._destroy = documents.update(
            guest_keys,
            guest_keys.c.guest_id,
            ["wrapped", "is_current", "erased_at", "tombstone_due_at"],
            only_if=_IS_LEFT,
            returning=[guest_keys.c.key_id],
        )
        self._bury = documents.update(
            guest_keys,
            guest_keys.c.key_id,
            ["wrapped", "is_current", "erased_at"],
            only_if=_IS_LEFT,
        )
        self._note = documents.insert(service_keys, conflict="(name) do nothing")

    async def of_guests(
        self, session: Session, sent: Mapping[UUID, datetime], now: datetime
    ) -> Found:
        """As `LaneTransaction.guest_keys` promises it."""
        in_order, made = sorted(sent, key=_NUMBER), dict[UUID, DataKey]()
        while True:
            found = await self._found(session, in_order, made)
            if len(found.keys) == len(in_order):
                return found
            missing = [
                guest_id
                for guest_id in in_order
                if guest_id not in found.keys
                and not ((gone := found.erasures.get(guest_id)) and gone.at >= sent[guest_id])
            ]
            if not missing:
                return found
            new = {guest_id: self._service.create(guest_id) for guest_id in missing}
            added = await session.run(self._add, [_row(each, now) for each in new.values()])
            if len(added) < len(new):  # another lane was faster, and its key counts
                new = {row.guest_id: new[row.guest_id] for row in added}
            made |= new

    async def _found(
        self, session: Session, guest_ids: Sequence[UUID], made: Mapping[UUID, DataKey]
    ) -> Found:
        """What was made in this transaction is known, and not read again."""
        asked = [
            {"guest_id": each, "made": (key := made.get(each)) and key.id} for each in guest_ids
        ]
        erasures: dict[UUID, Erasure] = {}
        keys = dict(made)
        left = {key.id for key in made.values()}
        for row in await session.run(self._of_guests, asked):
            if row.wrapped is not None:
                left.add(row.key_id)
            if row.is_current == 1:
                keys[row.guest_id] = self._service.unwrapped(row.key_id, row.guest_id, row.wrapped)
            if row.erased_at is not None:
                known = erasures.get(row.guest_id)
                if known is None or known.at < row.erased_at:
                    erasures[row.guest_id] = Erasure(row.erased_at, row.key_id)
        return Found(keys, erasures, frozenset(left))

    async def by_id(self, session: Session, key_ids: Iterable[UUID]) -> Mapping[UUID, DataKey]:
        """Those of these that were not destroyed. Raises CannotOpen."""
        asked = [{"key_id": each} for each in sorted(set(key_ids), key=_NUMBER)]
        rows = await session.run(self._by_id, asked)
        return {
            row.key_id: self._service.unwrapped(row.key_id, row.guest_id, row.wrapped)
            for row in rows
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
                    "is_current": 0,
                    "erased_at": now,
                    "tombstone_due_at": again_at,
                }
                for each in guest_ids
            ],
        )
        return sorted(row.key_id for row in rows)

    async def bury(
        self, session: Session, keys: Sequence[WrappedKey], gone: Collection[UUID], now: datetime
    ) -> None:
        """Of what a topic told, after `restored_rows`: which keys are gone, and by which of the
        settings the others are wrapped. Raises CannotOpen when the settings lack one of these.
        """
        buried: dict[str, object] = {"wrapped": None, "is_current": 0, "erased_at": now}
        await session.run(self._bury, [buried | {"key_id": each} for each in sorted(gone)])
        names = sorted({wrapped_by(each.wrapped) for each in keys})
        await session.run(self._note, [proof_row(self._service, each, now) for each in names])


def restored_rows(keys: Sequence[WrappedKey]) -> list[dict[str, object]]:
    """What a topic told; a guest may have several, and none of them seals any more."""
    return [_row(each, each.created_at) | {"is_current": 0} for each in keys]


def proof_row(service: ServiceKeys, name: str, now: datetime) -> dict[str, object]:
    """A row of `service_keys`: something that only that very key opens. Raises CannotOpen."""
    proof = service.sealed_by(name, PROOF, proof_place(name))
    return {"name": name, "proof": proof, "used_since": now}


def proof_place(name: str) -> str:
    """What a proof is bound to."""
    return f"service_keys.proof/{name}"


def _row(key: DataKey | WrappedKey, created_at: datetime) -> dict[str, object]:
    return {
        "key_id": key.id,
        "guest_id": key.guest_id,
        "wrapped": key.wrapped,
        "is_current": 1,
        "created_at": created_at,
        "erased_at": None,
        "tombstone_due_at": None,
    }
