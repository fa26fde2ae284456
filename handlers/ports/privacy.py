"""What is personal, and the keys that it is sealed with: each guest has one.

Whoever destroys a guest's key makes all that was sealed with it unreadable, wherever it lies. On
disk and in Kafka a guest's key is only ever found wrapped by a key of the settings, which also
seals what is no guest's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from schemas.ids import id_from


class CannotOpen(Exception):
    """Something sealed that no key of ours opens; the message says which key is asked for."""


class Sealer(Protocol):
    """Keeps from everybody but us what lies where others may read."""

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        """Text that opens only together with the same `bound_to`, which says where it lies."""
        ...

    def open(self, sealed: str, bound_to: str) -> bytes:
        """What was sealed. Raises CannotOpen, never gives garbage."""
        ...


class DataKey(Sealer, Protocol):
    """Seals what belongs to one guest."""

    @property
    def id(self) -> UUID:
        """Names it in all that it sealed; another key of the same guest has another."""
        ...

    @property
    def guest_id(self) -> UUID: ...

    @property
    def wrapped(self) -> str:
        """Itself, sealed by a key of the settings: what may lie on disk."""
        ...


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it lies in the database and in the topic of keys."""

    id: UUID
    guest_id: UUID
    wrapped: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Erasure:
    """When a guest was forgotten last, and the key that went with it."""

    at: datetime
    key_id: UUID


@dataclass(frozen=True, slots=True)
class GuestKeys:
    """Of some guests the keys that seal now, and when those who ever were erased were.

    `left` are the ids of all their keys that still open: after a rebuild others than those that
    seal.
    """

    keys: Mapping[UUID, DataKey]
    erasures: Mapping[UUID, Erasure]
    left: frozenset[UUID]


class ServiceKeys(Sealer, Protocol):
    """The keys of the settings: they wrap the guests' keys, and seal what is nobody's."""

    @property
    def current(self) -> str:
        """The name of the one that seals now."""
        ...

    def sealed_by(self, name: str, plaintext: bytes, bound_to: str) -> str:
        """With the key of that name. Raises CannotOpen when the settings lack it."""
        ...

    def create(self, guest_id: UUID) -> DataKey: ...

    def unwrapped(self, key_id: UUID, guest_id: UUID, wrapped: str) -> DataKey:
        """Raises CannotOpen when the settings lack the key that wrapped it."""
        ...

    def wrapped_again(self, key: WrappedKey) -> str | None:
        """The same data key under the current key of the settings; None when it is already."""
        ...


class KeyStore(Protocol):
    """What is done about keys outside of any lane."""

    async def check(self, now: datetime) -> None:
        """Raises CannotOpen when the settings lack a key that something is still wrapped by, or
        have another one under its name.
        """
        ...

    async def tombstones_due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Ids of destroyed keys that the topic has to be told of once more."""
        ...

    async def tombstones_told(self, key_ids: Sequence[UUID]) -> None: ...

    async def wrapped_by_others(self, after: UUID | None, limit: int) -> Sequence[WrappedKey]:
        """The next of those, by their ids, that another key than the current one wraps."""
        ...

    async def seal_owed_again(self) -> int:
        """What is owed to partners, by the current key; gives how many rows that were."""
        ...

    async def write_wrapped(self, keys: Sequence[WrappedKey]) -> Sequence[WrappedKey]:
        """The same keys, wrapped anew; gives those that were not destroyed meanwhile."""
        ...

    async def names_in_use(self) -> Sequence[str]:
        """The settings' keys that `check` asks for."""
        ...

    async def retire_others(self) -> None:
        """Ask no longer for keys that wrap nothing any more. Raises CannotOpen when one still
        does.
        """
        ...


def key_id_of(sealed: str) -> UUID:
    """Which data key sealed it. Raises CannotOpen when it is nothing that was sealed here."""
    try:
        _, key_id, _ = sealed.split(".")
        return id_from(key_id)
    except ValueError:
        raise CannotOpen("expected something sealed, got something else") from None
