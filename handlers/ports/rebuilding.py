"""Where a rebuild writes, and the values that it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
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
class Share:
    """One of `of` equal shares of something, `number` counted from 0."""

    number: int
    of: int

    def has(self, partition: int) -> bool:
        """Whether that partition is one of its."""
        return partition % self.of == self.number


WHOLE_OF_IT: Final = Share(0, 1)


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
    unsettled: Sequence[Unsettled]
    # Of all bookings and their history: the same content, the same digest. Of what is sealed it has
    # no more than which key sealed it.
    digest: str
    overlapping: Sequence[UUID] = ()  # bookings whose slot another one claims


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
        the highest version stays. After a crash of the server it may be lost, progress and all.
        """
        ...

    async def claim(self, rules: Rules, share: Share) -> Sequence[UUID]:
        """A claim for every active booking of this share of the venues, in place of what claims
        they had; gives the bookings whose slot another one claims. Shares may be done side by side.
        """
        ...

    async def whole(self) -> Whole:
        """What there is, and what is to be told of it, but for `overlapping`: `claim` gives it."""
        ...

    async def finish(self, commands_topic: str, marks: Mapping[int, Mark]) -> None:
        """The lanes' marks, and an end to the progress; all that was written stands for good."""
        ...
