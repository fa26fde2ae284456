"""Where a rebuild writes, and the values that it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.booking import Booking
from domain.outcome import StatusChange
from domain.rules import Rules
from handlers.ports.log import Mark
from handlers.ports.privacy import DataKey, WrappedKey
from handlers.ports.rows import KeyClaim, Start, StoredOutcome


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One version of a booking, with the command that made it."""

    booking: Booking
    history: StatusChange | None
    start: Start
    outcome: StoredOutcome
    recorded_at: datetime
    key: KeyClaim | None
    data_key: DataKey | None = None  # the guest's; None: nothing personal, or erased


@dataclass(frozen=True, slots=True)
class Gap:
    """A booking of which not every version was found."""

    booking_id: UUID
    version: int
    found: int


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A booking that has ended and of which money may be owed."""

    reference: str
    status: str
    kept: str  # amount and currency


@dataclass(frozen=True, slots=True)
class Whole:
    """What a database holds once a rebuild is done."""

    bookings: Mapping[str, int]  # by status
    commands: int
    keys: int
    gaps: Sequence[Gap]
    overlapping: Sequence[UUID]  # bookings whose slot another one claims
    unsettled: Sequence[Unsettled]
    digest: str  # of all bookings and their history; the same content, the same digest


class RebuildRows(Protocol):
    """The database of a rebuild; no worker may write while it does."""

    async def is_empty(self) -> bool: ...

    async def progress(self, topic: str) -> Mapping[int, int]:
        """Partition to next offset of an unfinished rebuild; empty when there is none."""
        ...

    async def write_keys(self, keys: Sequence[WrappedKey], gone: Collection[UUID]) -> None:
        """Guests' keys, before anything that they seal, and which of them were destroyed: also
        where an earlier try wrote them. Raises CannotOpen when the settings lack what wraps one.
        """
        ...

    async def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, DataKey]:
        """Those of these that are there."""
        ...

    async def write(
        self, rebuilt: Sequence[Rebuilt], topic: str, reached: Mapping[int, int]
    ) -> None:
        """In one transaction with the progress; what is there already is left, and of a booking
        the highest version stays.
        """
        ...

    async def finish(self, rules: Rules, commands_topic: str, marks: Mapping[int, Mark]) -> Whole:
        """Claims, the lanes' marks, and an end to the progress; gives what there is now."""
        ...
