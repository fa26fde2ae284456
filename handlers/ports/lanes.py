"""Where the lanes write: transactions behind a fence, whole batches at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, SlotTaken
from domain.undo import Undo
from handlers.ports.audit import AuditRows
from handlers.ports.limits import CountsUses
from handlers.ports.log import Coordinates, Mark
from handlers.ports.privacy import GuestKeys
from handlers.ports.rows import (
    JournalEntry,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    Recording,
    RetiredCommand,
    Start,
)

ANY_OFFSET: Final = 2**63 - 1
"""In hand until here: the worker died before it could say how far its first batch reached."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """What is found when a lane is opened."""

    epoch: int  # ours from now
    mark: Mark | None  # how far it was published, as far as it was written
    in_hand_until: int | None  # records before this may have brought a worker down; None: nothing


@dataclass(frozen=True, slots=True)
class Resting:
    """A lane with no batch in hand."""

    epoch: int
    mark: Mark | None
    in_hand_until: int | None  # of records that raised; None: nothing is suspected


class LaneRows(Protocol):
    """The lanes as they stand in the database: fence, published mark, what is in hand."""

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        """Raise the lane's epoch, in a transaction of its own; every older one is fenced from now.

        Until the first batch begins or the lane rests, ANY_OFFSET stands as what is in hand.
        """
        ...

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        """Write how far lanes are published; those that have another epoch by now are left out."""
        ...


class LaneTransaction(AuditRows, CountsUses, Protocol):
    """One transaction of a batch, for lanes whose epochs were read `for share` at its beginning."""

    @property
    def lost(self) -> frozenset[int]:
        """Partitions whose epoch is no longer ours; write nothing that belongs to them."""
        ...

    async def begin_batch(self, in_hand: Mapping[int, tuple[Mark | None, int]]) -> None:
        """Write per partition how far it is published, and before which offset records are in hand
        now: whoever finds that after a crash does them alone.
        """
        ...

    async def count_attempt(self, at: Coordinates) -> int:
        """One more try of this record alone; gives how many that makes."""
        ...

    async def find_bookings(self, ids: Sequence[UUID]) -> Mapping[UUID, Booking]: ...

    async def find_commands(self, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        """With outcome, or with journal when only started."""
        ...

    async def find_retired(self, row_ids: Sequence[UUID]) -> Mapping[UUID, RetiredCommand]:
        """Of commands that `find_commands` no longer finds; ask it first."""
        ...

    async def find_by_coordinates(
        self, coordinates: Sequence[Coordinates]
    ) -> Mapping[Coordinates, KnownCommand]: ...

    async def start(self, starts: Sequence[Start]) -> frozenset[UUID]:
        """Write the rows that are not there yet, in the order of their ids; gives those written."""
        ...

    async def retire_ends(self, row_ids: Mapping[UUID, UUID]) -> None:
        """Put commands that have ended aside under other row ids, so that their own can be started
        anew; the story of the earlier run stays.
        """
        ...

    async def adopt(self, row_ids: Mapping[UUID, Coordinates]) -> None:
        """Give rows that are under way the coordinates of the record that continues them."""
        ...

    async def take_keys(self, claims: Sequence[KeyClaim]) -> Mapping[UUID, KeyHolder]:
        """Take the keys that are free or expired, in the order of their ids; gives each key's
        holder afterwards.
        """
        ...

    async def take_references(self, references: Mapping[UUID, str]) -> frozenset[UUID]:
        """Write booking id → reference, both unique for ever; gives the ids whose reference is
        taken by another booking (nothing was written for those).
        """
        ...

    async def claim(
        self, claims: Sequence[tuple[UUID, ClaimSlot]]
    ) -> Sequence[Claimed | SlotTaken]:
        """Claims in log order, each with the row id of its command; an earlier one of the sequence
        wins. A claim id that stands already is claimed.
        """
        ...

    async def find_undo(self, ids: Sequence[UUID]) -> Mapping[UUID, Undo]:
        """Those that are still owed."""
        ...

    async def journal(self, entries: Sequence[JournalEntry]) -> None: ...

    async def guest_keys(self, sent: Mapping[UUID, datetime], now: datetime) -> GuestKeys:
        """Each guest's key, for what was sent then; those without one are given one, but not for
        what was sent before they were erased. Raises CannotOpen.
        """
        ...

    async def destroy_keys(self, guest_ids: Sequence[UUID], now: datetime) -> Sequence[UUID]:
        """Erase the guests: from the commit on nothing opens that their keys sealed. Gives the ids
        of the keys that this destroyed.
        """
        ...

    async def record(self, recordings: Sequence[Recording]) -> None:
        """Raises PromiseBroken when a booking is not at the version before the one written."""
        ...


class LaneDatabase(LaneRows, Protocol):
    """Where the lanes write."""

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        """Commits at the end of the block, rolls back on an exception."""
        ...
