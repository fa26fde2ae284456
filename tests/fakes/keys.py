"""Guests' keys in memory: the rows, what they do to bookings, and the store outside of lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.booking import Booking
from handlers.ports import CannotOpen, DataKey, Erasure, GuestKeys, WrappedKey
from tests.fakes.sealing import FakeServiceKeys

Rows = dict[UUID, "KeyRow"]


@dataclass(frozen=True, slots=True)
class KeyRow:
    guest_id: UUID
    wrapped: str | None
    created_at: datetime
    tombstone_due_at: datetime | None = None
    erased_at: datetime | None = None


def guest_keys(
    rows: Rows, service: FakeServiceKeys, sent: Mapping[UUID, datetime], now: datetime
) -> GuestKeys:
    keys: dict[UUID, DataKey] = {}
    erasures: dict[UUID, Erasure] = {}
    for guest_id, at in sent.items():
        mine = {key_id: row for key_id, row in rows.items() if row.guest_id == guest_id}
        for key_id, row in mine.items():
            if row.erased_at is not None:
                erasures[guest_id] = Erasure(row.erased_at, key_id)
        kept = [(key_id, row.wrapped) for key_id, row in mine.items() if row.wrapped is not None]
        if not kept:
            if (gone := erasures.get(guest_id)) and gone.at >= at:
                continue
            key = service.create(guest_id, len(mine))
            rows[key.id] = KeyRow(guest_id, key.wrapped, now)
            kept = [(key.id, key.wrapped)]
        ((key_id, wrapped),) = kept
        keys[guest_id] = service.unwrapped(key_id, guest_id, wrapped)
    ids = [each for each, row in rows.items() if row.guest_id in sent and row.wrapped is not None]
    return GuestKeys(keys, erasures, frozenset(ids))


def left(rows: Rows, key_ids: Iterable[UUID]) -> dict[UUID, WrappedKey]:
    return {
        each: WrappedKey(each, row.guest_id, row.wrapped, row.created_at)
        for each in key_ids
        if (row := rows.get(each)) is not None and row.wrapped is not None
    }


def destroy(rows: Rows, guest_ids: Sequence[UUID], now: datetime) -> Sequence[UUID]:
    gone = [
        key_id
        for key_id, row in rows.items()
        if row.guest_id in guest_ids and row.wrapped is not None
    ]
    for key_id in gone:
        due = now + timedelta(minutes=5)
        rows[key_id] = replace(rows[key_id], wrapped=None, tombstone_due_at=due, erased_at=now)
    return sorted(gone)


def forget(rows: Rows, erased_before: datetime, limit: int) -> int:
    old = [
        key_id
        for key_id, row in rows.items()
        if row.erased_at is not None
        and row.erased_at < erased_before
        and row.tombstone_due_at is None
    ][:limit]
    for key_id in old:
        del rows[key_id]
    return len(old)


def read_with(rows: Rows, booking: Booking) -> Booking:
    """As a database gives it, where what is personal is sealed."""
    key_id = booking.contact.key_id
    return booking if key_id is None or left(rows, [key_id]) else booking.without_person()


def written_with(booking: Booking, key: DataKey | None) -> Booking:
    """As a database keeps it."""
    if not booking.is_personal:
        kept = booking.contact.key_id if booking.contact.is_erased else None
        return replace(booking, contact=replace(booking.contact, key_id=kept))
    assert key is not None, "something personal and no key to seal it"
    return replace(booking, contact=replace(booking.contact, key_id=key.id, is_erased=False))


class FakeKeyStore:
    """Implements KeyStore."""

    def __init__(self, rows: Callable[[], Rows], service: FakeServiceKeys) -> None:
        self._rows = rows
        self._service = service
        self._in_use: set[str] = set()

    async def check(self, now: datetime) -> None:
        self._in_use.add(self._service.current)
        for name in self._in_use:
            self._service.open(f"1.{name}.{'fA=='}", "")

    async def tombstones_due(self, now: datetime, limit: int) -> Sequence[UUID]:
        due = [
            (row.tombstone_due_at, key_id)
            for key_id, row in self._rows().items()
            if row.tombstone_due_at is not None and row.tombstone_due_at <= now
        ]
        return [key_id for _, key_id in sorted(due)][:limit]

    async def tombstones_told(self, key_ids: Sequence[UUID]) -> None:
        rows = self._rows()
        for key_id in key_ids:
            rows[key_id] = replace(rows[key_id], tombstone_due_at=None)

    async def wrapped_by_others(self, after: UUID | None, limit: int) -> Sequence[WrappedKey]:
        rows = self._rows()
        kept = left(rows, list(rows))
        by_others = [k for k in kept.values() if k.wrapped.split(".")[1] != self._service.current]
        return sorted((k for k in by_others if after is None or k.id > after), key=lambda k: k.id)[
            :limit
        ]

    async def seal_owed_again(self) -> int:
        return 0  # what is owed lies here in the clear

    async def write_wrapped(self, keys: Sequence[WrappedKey]) -> Sequence[WrappedKey]:
        rows = self._rows()
        alive = [key for key in keys if left(rows, [key.id])]
        for key in alive:
            rows[key.id] = replace(rows[key.id], wrapped=key.wrapped)
        return alive

    async def names_in_use(self) -> Sequence[str]:
        return sorted(self._in_use)

    async def retire_others(self) -> None:
        if await self.wrapped_by_others(None, 1):
            raise CannotOpen("some keys are still wrapped by a key that is not the current one")
        self._in_use = {self._service.current}
