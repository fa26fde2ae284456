"""The rows that stand in memory, and what can be found among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, FindConflicts, SlotTaken, TakenSlot
from domain.undo import Undo
from handlers.ports import (
    AuditRow,
    Coordinates,
    HistoryRow,
    KeyClaim,
    KnownCommand,
    LaneState,
    RetiredCommand,
    Start,
    StoredOutcome,
    Uses,
    key_id_of,
)
from tests.fakes.keys import Rows, left, read_with
from tests.fakes.sealing import FakeServiceKeys


@dataclass(frozen=True, slots=True)
class StandingClaim:
    row_id: UUID
    claim: ClaimSlot


@dataclass(frozen=True, slots=True)
class StandingUndo:
    undo: Undo
    due_at: datetime
    done_at: datetime | None = None
    detail: str | None = None

    @property
    def is_done(self) -> bool:
        return self.done_at is not None


@dataclass(frozen=True, slots=True)
class Sweep:
    due_at: datetime | None
    attempt: int


@dataclass(slots=True)
class Tables:
    lanes: dict[tuple[str, int], LaneState] = field(default_factory=dict)
    attempts: dict[Coordinates, int] = field(default_factory=dict)
    starts: dict[UUID, Start] = field(default_factory=dict)
    outcomes: dict[UUID, StoredOutcome] = field(default_factory=dict)
    recorded_at: dict[UUID, datetime] = field(default_factory=dict)
    retired: dict[UUID, RetiredCommand] = field(default_factory=dict)
    stories: dict[UUID, str] = field(default_factory=dict)
    journal: dict[tuple[UUID, int], str] = field(default_factory=dict)
    keys: dict[UUID, KeyClaim] = field(default_factory=dict)
    references: dict[str, UUID] = field(default_factory=dict)
    bookings: dict[UUID, Booking] = field(default_factory=dict)
    sweeps: dict[UUID, Sweep] = field(default_factory=dict)
    history: dict[tuple[UUID, int], HistoryRow] = field(default_factory=dict)
    claims: dict[UUID, StandingClaim] = field(default_factory=dict)
    undo: dict[UUID, StandingUndo] = field(default_factory=dict)
    guest_keys: Rows = field(default_factory=dict)
    reasons: dict[tuple[UUID, int], UUID] = field(default_factory=dict)  # by which key
    uses: dict[UUID, Uses] = field(default_factory=dict)
    audit: dict[tuple[str, int], AuditRow] = field(default_factory=dict)

    def booking(self, booking_id: UUID) -> Booking | None:
        """As far as its guest's key is left."""
        found = self.bookings.get(booking_id)
        return None if found is None else read_with(self.guest_keys, found)

    def known(self, row_id: UUID, service: FakeServiceKeys) -> KnownCommand:
        heard = sorted(
            (sequence, body) for (owner, sequence), body in self.journal.items() if owner == row_id
        )
        outcome, key = self.outcomes.get(row_id), None
        if outcome is not None and outcome.sealed is not None:
            for one in left(self.guest_keys, [key_id_of(outcome.sealed)]).values():
                key = service.unwrapped(one.id, one.guest_id, one.wrapped)
        return KnownCommand(self.starts[row_id], outcome, tuple(body for _, body in heard), key)

    def count(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        for each in uses:
            standing = self.uses.get(each.counter_id, replace(each, times=0))
            self.uses[each.counter_id] = replace(standing, times=standing.times + each.times)
        return {each.counter_id: self.uses[each.counter_id].times for each in uses}

    def copy(self) -> Tables:
        """All rows are values, so new dicts are enough."""
        return Tables(**{name: dict(getattr(self, name)) for name in self.__slots__})

    def conflicts(
        self, wanted: ClaimSlot | FindConflicts, but: UUID | None = None
    ) -> tuple[TakenSlot, ...]:
        found = [
            standing.claim
            for standing in self.claims.values()
            if standing.claim.booking_id != but and _overlap(standing.claim, wanted)
        ]
        found.sort(key=lambda claim: (claim.slot.starts_at, claim.slot.ends_at, claim.claim_id))
        return tuple(TakenSlot(claim.slot, claim.item) for claim in found[:100])

    def claim(self, row_id: UUID, claim: ClaimSlot) -> Claimed | SlotTaken:
        if claim.claim_id not in self.claims:
            own = claim.booking_id if claim.extends else None
            if conflicts := self.conflicts(claim, but=own):
                return SlotTaken(conflicts)
            self.claims[claim.claim_id] = StandingClaim(row_id, claim)
        return Claimed(claim.claim_id)

    def lay(self, row_id: UUID, at: Coordinates) -> None:
        self.starts[row_id] = replace(self.starts[row_id], coordinates=at)


def _overlap(standing: ClaimSlot, wanted: ClaimSlot | FindConflicts) -> bool:
    return (
        standing.venue_id == wanted.venue_id
        and (standing.item is None or wanted.item is None or standing.item == wanted.item)
        and standing.slot.overlaps(wanted.slot)
    )
