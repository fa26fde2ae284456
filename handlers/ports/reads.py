"""What is looked up outside of any lane: plain reads that no writer waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from domain.booking import Booking
from domain.effects import FindConflicts, TakenSlot
from domain.outcome import StatusChange
from domain.queries import Listing


@dataclass(frozen=True, slots=True)
class DueExpiry:
    """A pending booking whose time is over."""

    booking_id: UUID
    venue_id: UUID
    version: int
    attempt: int


@dataclass(frozen=True, slots=True)
class DueUndo:
    """Something owed whose next try is due."""

    undo_id: UUID
    booking_id: UUID
    venue_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Owing:
    """All that is owed, due or not."""

    count: int
    oldest: datetime | None  # since when; of those longest overdue, where there are very many


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A command that was started long ago and has no outcome."""

    row_id: UUID
    partition: int


@dataclass(frozen=True, slots=True)
class Later:
    """A command that was sent after another one at the same venue, and done."""

    booking_id: UUID
    operation: str


class Schema(Protocol):
    """Whether the database is as this worker needs it; the least that can be asked of it."""

    async def pending(self) -> Sequence[str]:
        """The migrations that are not applied, oldest first. Raises DatabaseAway."""
        ...


class DueWork(Protocol):
    """What the sweeper looks for; plain reads, no locks."""

    async def due_expiries(self, before: datetime, limit: int) -> Sequence[DueExpiry]: ...

    async def due_undo(self, before: datetime, limit: int) -> Sequence[DueUndo]: ...

    async def owing(self, most: int) -> Owing:
        """Counted up to `most`."""
        ...

    async def abandoned(
        self, topic: str, started_before: datetime, limit: int
    ) -> Sequence[Abandoned]: ...


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step of a booking's status history."""

    change: StatusChange
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GuestPage:
    """Of one guest's bookings, the latest start first; `venue_ids` None: wherever they are."""

    guest_id: UUID
    listing: Listing
    venue_ids: frozenset[UUID] | None = None


@dataclass(frozen=True, slots=True)
class VenuePage:
    """Of the bookings at one venue, the latest start first."""

    venue_id: UUID
    listing: Listing


Page = GuestPage | VenuePage

NOTHING_KNOWN: Final[Mapping[Any, int]] = {}


class CannotRead(Exception):
    """Among what was asked for is a row that this version cannot understand or no key of ours
    opens, or a value that no column could hold. Who asks for less at once hears which.
    """


class BookingReads(Protocol):
    """Read-only questions; they never take a lock that a writer waits for.

    `known` are versions that the asker has seen of some of them: what comes back is no older, and
    what is there is never missing. Lists may be some seconds behind. All of them raise CannotRead.
    """

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]: ...

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]: ...

    async def histories(
        self, booking_ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Sequence[HistoryRow]]:
        """Oldest first."""
        ...

    async def pages(self, asked: Collection[Page]) -> Mapping[Page, Sequence[Booking]]:
        """Of each at most `limit` + 1, so that one sees whether more follow."""
        ...

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]: ...
