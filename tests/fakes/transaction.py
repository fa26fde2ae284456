"""One transaction of lanes on the database in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, SlotTaken
from domain.undo import Undo
from handlers.ports import (
    AuditRow,
    ChainMoved,
    Coordinates,
    GuestKeys,
    Head,
    JournalEntry,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    LaneState,
    Mark,
    PromiseBroken,
    Recording,
    RetiredCommand,
    Start,
    Uses,
)
from tests.fakes.keys import destroy, guest_keys
from tests.fakes.recording import record
from tests.fakes.sealing import FakeServiceKeys
from tests.fakes.tables import Tables


class FakeTransaction:
    """Implements LaneTransaction on the copy that will be committed."""

    def __init__(
        self,
        tables: Tables,
        topic: str,
        lost: frozenset[int],
        reachable: Callable[[], object],
        service_keys: FakeServiceKeys,
        clock: Callable[[], datetime],
    ) -> None:
        self._service_keys = service_keys
        self._clock = clock
        self._copy = tables
        self._topic = topic
        self._lost = lost
        self._reachable = reachable

    @property
    def lost(self) -> frozenset[int]:
        return self._lost

    @property
    def _tables(self) -> Tables:
        self._reachable()
        return self._copy

    async def begin_batch(self, in_hand: Mapping[int, tuple[Mark | None, int]]) -> None:
        rows = self._tables.lanes
        for partition, (mark, until) in in_hand.items():
            lane = rows[self._topic, partition]
            rows[self._topic, partition] = LaneState(lane.epoch, mark, until)

    async def count_attempt(self, at: Coordinates) -> int:
        tries = self._tables.attempts
        passed = [
            other
            for other in tries
            if (other.topic, other.partition) == (at.topic, at.partition)
            and other.offset < at.offset
        ]
        for other in passed:
            del tries[other]
        tries[at] = tries.get(at, 0) + 1
        return tries[at]

    async def find_bookings(self, ids: Sequence[UUID]) -> Mapping[UUID, Booking]:
        return {each: found for each in ids if (found := self._tables.booking(each))}

    async def find_commands(self, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        return {each: self._known(each) for each in row_ids if each in self._tables.starts}

    async def find_retired(self, row_ids: Sequence[UUID]) -> Mapping[UUID, RetiredCommand]:
        retired = self._tables.retired
        return {each: retired[each] for each in row_ids if each in retired}

    async def find_by_coordinates(
        self, coordinates: Sequence[Coordinates]
    ) -> Mapping[Coordinates, KnownCommand]:
        wanted = set(coordinates)
        return {
            start.coordinates: self._known(row_id)
            for row_id, start in self._tables.starts.items()
            if start.coordinates in wanted
        }

    def _known(self, row_id: UUID) -> KnownCommand:
        return self._tables.known(row_id, self._service_keys)

    async def start(self, starts: Sequence[Start]) -> frozenset[UUID]:
        new = {start.row_id: start for start in starts if start.row_id not in self._tables.starts}
        self._tables.starts.update(new)
        return frozenset(new)

    async def retire_ends(self, row_ids: Mapping[UUID, UUID]) -> None:
        for row_id, retired in row_ids.items():
            start = self._tables.starts.pop(row_id)
            self._tables.starts[retired] = replace(start, row_id=retired)
            self._tables.outcomes[retired] = self._tables.outcomes.pop(row_id)
            self._tables.recorded_at[retired] = self._tables.recorded_at.pop(row_id)
            if row_id in self._tables.stories:
                self._tables.stories[retired] = self._tables.stories.pop(row_id)

    async def adopt(self, row_ids: Mapping[UUID, Coordinates]) -> None:
        for row_id, coordinates in row_ids.items():
            if row_id not in self._tables.outcomes:
                self._tables.lay(row_id, coordinates)

    async def take_keys(self, claims: Sequence[KeyClaim]) -> Mapping[UUID, KeyHolder]:
        keys = self._tables.keys
        for claim in claims:
            holder = keys.get(claim.key_id)
            if holder is None or holder.expires_at < claim.sent:
                keys[claim.key_id] = claim
        return {
            claim.key_id: KeyHolder(keys[claim.key_id].row_id, keys[claim.key_id].request_hash)
            for claim in claims
        }

    async def take_references(self, references: Mapping[UUID, str]) -> frozenset[UUID]:
        taken = self._tables.references
        by_booking = {booking_id: reference for reference, booking_id in taken.items()}
        for booking_id, reference in references.items():
            if by_booking.get(booking_id, reference) != reference:
                raise PromiseBroken(f"booking {booking_id} has another reference")
            taken.setdefault(reference, booking_id)
        return frozenset(each for each in references if taken[references[each]] != each)

    async def claim(
        self, claims: Sequence[tuple[UUID, ClaimSlot]]
    ) -> Sequence[Claimed | SlotTaken]:
        return [self._tables.claim(row_id, claim) for row_id, claim in claims]

    async def find_undo(self, ids: Sequence[UUID]) -> Mapping[UUID, Undo]:
        found = {each: self._tables.undo[each] for each in ids if each in self._tables.undo}
        return {each: standing.undo for each, standing in found.items() if not standing.is_done}

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        return self._tables.count(uses)

    async def journal(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            self._tables.journal[entry.row_id, entry.sequence] = entry.body

    async def guest_keys(self, sent: Mapping[UUID, datetime], now: datetime) -> GuestKeys:
        return guest_keys(self._tables.guest_keys, self._service_keys, sent, now)

    async def destroy_keys(self, guest_ids: Sequence[UUID], now: datetime) -> Sequence[UUID]:
        return destroy(self._tables.guest_keys, guest_ids, now)

    async def record(self, recordings: Sequence[Recording]) -> None:
        record(self._tables, recordings)

    async def audit_heads(self, chains: Collection[str]) -> tuple[datetime, Mapping[str, Head]]:
        heads: dict[str, Head] = {}
        for (chain, sequence), row in sorted(self._tables.audit.items()):
            if chain in chains:
                heads[chain] = Head(sequence, str(row["hash"]))
        return self._clock(), heads

    async def append_audit(self, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            place = str(row["chain"]), int(str(row["sequence"]))
            if place in self._tables.audit:
                raise ChainMoved(f"somebody else has added to {place}")
            self._tables.audit[place] = {
                name: str(value) if isinstance(value, UUID) else value
                for name, value in row.items()
            }
