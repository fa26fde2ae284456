"""The database in memory: held to the same contract tests as PostgreSQL and SQLite.

One transaction at a time works on a copy, which takes the place of what stands when it commits.
Set `away` and everything raises DatabaseAway, as if the server were gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, FindConflicts, SlotTaken, TakenSlot
from domain.lifecycle import ACTIVE, Status
from domain.outcome import Claims
from domain.queries import Listing
from domain.retention import Period
from domain.undo import Undo
from handlers.ports import (
    ANY_OFFSET,
    NOTHING_KNOWN,
    Abandoned,
    AuditRow,
    AuditRows,
    BookingWrite,
    ChainMoved,
    Coordinates,
    DatabaseAway,
    DueExpiry,
    DueUndo,
    GuestKeys,
    Head,
    HistoryRow,
    JournalEntry,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    LaneState,
    LaneTransaction,
    Mark,
    Overtaken,
    Owing,
    Page,
    PromiseBroken,
    Recording,
    Resting,
    RetiredCommand,
    Start,
    StoredOutcome,
    Uses,
    VenuePage,
    half_of,
    key_id_of,
)
from handlers.ports.retention import Day, Gone
from tests.fakes.keys import (
    FakeKeyStore,
    Rows,
    destroy,
    forget,
    guest_keys,
    left,
    read_with,
    written_with,
)
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

    uses: dict[UUID, Uses] = field(default_factory=dict)

    def count(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        for each in uses:
            standing = self.uses.get(each.counter_id, replace(each, times=0))
            self.uses[each.counter_id] = replace(standing, times=standing.times + each.times)
        return {each.counter_id: self.uses[each.counter_id].times for each in uses}

    audit: dict[tuple[str, int], AuditRow] = field(default_factory=dict)

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


def _overlap(standing: ClaimSlot, wanted: ClaimSlot | FindConflicts) -> bool:
    return (
        standing.venue_id == wanted.venue_id
        and (standing.item is None or wanted.item is None or standing.item == wanted.item)
        and standing.slot.overlaps(wanted.slot)
    )


class FakeDatabase:
    """Implements LaneDatabase, DueWork, BookingReads, UseCounts and RetentionRows at once."""

    def __init__(self) -> None:
        self.service_keys = FakeServiceKeys()
        self.tables = Tables()
        self.keys = FakeKeyStore(lambda: self._reachable().guest_keys, self.service_keys)
        self.away = False
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._writing = asyncio.Lock()

    @property
    def lanes(self) -> FakeDatabase:
        return self

    @property
    def due(self) -> FakeDatabase:
        return self

    @property
    def reads(self) -> FakeDatabase:
        return self

    @property
    def counts(self) -> FakeDatabase:
        return self

    @property
    def audit(self) -> FakeAuditLog:
        return FakeAuditLog(self)

    async def close(self) -> None:
        pass

    # --- LaneDatabase ---

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        async with self._writing:
            lanes = self._reachable().lanes
            found = lanes.get((topic, partition), LaneState(0, None, None))
            found = replace(found, epoch=found.epoch + 1)
            lanes[topic, partition] = replace(found, in_hand_until=ANY_OFFSET)
            return found

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        async with self._writing:
            rows = self._reachable().lanes
            for partition, lane in lanes.items():
                if rows[topic, partition].epoch == lane.epoch:
                    rows[topic, partition] = LaneState(lane.epoch, lane.mark, lane.in_hand_until)
                if rows[topic, partition].in_hand_until is None:
                    tries = self.tables.attempts
                    for at in [a for a in tries if (a.topic, a.partition) == (topic, partition)]:
                        del tries[at]

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AsyncIterator[LaneTransaction]:
        async with self._writing:
            tables = self._reachable().copy()
            lost = {
                partition
                for partition, epoch in epochs.items()
                if (lane := tables.lanes.get((topic, partition))) is None or lane.epoch != epoch
            }
            yield FakeTransaction(
                tables,
                topic,
                frozenset(lost),
                self._reachable,
                self.service_keys,
                self.clock,
            )
            self._reachable()
            self.tables = tables

    # --- DueWork ---

    async def due_expiries(self, before: datetime, limit: int) -> Sequence[DueExpiry]:
        tables = self._reachable()
        due = sorted(
            (sweep.due_at, booking_id)
            for booking_id, sweep in tables.sweeps.items()
            if sweep.due_at is not None and sweep.due_at < before
        )
        return [
            DueExpiry(
                booking_id,
                tables.bookings[booking_id].venue.id,
                tables.bookings[booking_id].version,
                tables.sweeps[booking_id].attempt,
            )
            for _, booking_id in due[:limit]
        ]

    async def due_undo(self, before: datetime, limit: int) -> Sequence[DueUndo]:
        due = sorted(
            (standing.due_at, undo_id)
            for undo_id, standing in self._reachable().undo.items()
            if not standing.is_done and standing.due_at < before
        )
        owed = [self.tables.undo[undo_id].undo for _, undo_id in due[:limit]]
        return [DueUndo(each.id, each.booking_id, each.venue_id, each.attempt) for each in owed]

    async def owing(self, most: int) -> Owing:
        due = sorted(
            (standing.due_at, standing.undo.since)
            for standing in self._reachable().undo.values()
            if not standing.is_done
        )[:most]
        return Owing(len(due), min((since for _, since in due if since), default=None))

    async def abandoned(
        self, topic: str, started_before: datetime, limit: int
    ) -> Sequence[Abandoned]:
        tables = self._reachable()
        found = sorted(
            (
                start
                for row_id, start in tables.starts.items()
                if row_id not in tables.outcomes
                and start.coordinates.topic == topic
                and start.decided < started_before
            ),
            key=lambda start: start.decided,
        )
        return [Abandoned(each.row_id, each.coordinates.partition) for each in found[:limit]]

    # --- BookingReads ---

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]:
        return {each: held for each in ids if (held := self._reachable().booking(each))}

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]:
        wanted = set(references)
        return {each.reference: each for each in self._all() if each.reference in wanted}

    async def histories(
        self, booking_ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Sequence[HistoryRow]]:
        found: dict[UUID, list[HistoryRow]] = {}
        tables = self._reachable()
        for at, row in sorted(tables.history.items()):
            if at[0] in booking_ids:
                gone = at in tables.reasons and not left(tables.guest_keys, [tables.reasons[at]])
                change = replace(row.change, reason=None) if gone else row.change
                found.setdefault(at[0], []).append(replace(row, change=change))
        return found

    async def pages(self, asked: Collection[Page]) -> Mapping[Page, Sequence[Booking]]:
        return {page: _page(page.listing, self._listed(page)) for page in asked}

    def _listed(self, page: Page) -> Sequence[Booking]:
        if isinstance(page, VenuePage):
            return [each for each in self._all() if each.venue.id == page.venue_id]
        return [
            each
            for each in self._all()
            if each.contact.guest_id == page.guest_id
            and (page.venue_ids is None or each.venue.id in page.venue_ids)
        ]

    def _all(self) -> Sequence[Booking]:
        tables = self._reachable()
        return [read_with(tables.guest_keys, each) for each in tables.bookings.values()]

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        return [self._reachable().conflicts(each) for each in questions]

    # --- UseCounts ---

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        async with self._writing:
            return self._reachable().count(uses)

    async def forget_uses(self, begun_before: datetime, limit: int) -> int:
        async with self._writing:
            uses = self._reachable().uses
            old = sorted((each.at, id_) for id_, each in uses.items() if each.at < begun_before)
            for _, id_ in old[:limit]:
                del uses[id_]
        return len(old[:limit])

    # --- RetentionRows ---

    @property
    def retention(self) -> FakeDatabase:
        return self

    async def make_ahead(self, period: Period, ahead: timedelta) -> Mapping[str, datetime]:
        return {}

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        async with self._writing:
            tables = self._reachable()
            old = sorted(
                (at, row_id) for row_id, at in tables.recorded_at.items() if at < ended_before
            )[:limit]
            for _, row_id in old:
                start = tables.starts.pop(row_id)
                content = half_of(start.content_hash)
                tables.retired[row_id] = RetiredCommand(row_id, content)
                for table in (tables.outcomes, tables.stories, tables.recorded_at):
                    table.pop(row_id)
                for key_id in [k for k, held in tables.keys.items() if held.row_id == row_id]:
                    del tables.keys[key_id]
        return Gone(len(old), is_all=len(old) < limit)

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        async with self._writing:
            undo = self._reachable().undo
            old = [
                id_
                for id_, standing in undo.items()
                if standing.done_at is not None and standing.done_at < done_before
            ][:limit]
            for id_ in old:
                del undo[id_]
        return Gone(len(old), is_all=len(old) < limit)

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        async with self._writing:
            return Gone(forget(self._reachable().guest_keys, erased_before, limit), is_all=True)

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        async with self._writing:
            tables = self._reachable()
            places = sorted(
                (booking.booking_date, id_)
                for id_, booking in tables.bookings.items()
                if (booking.booking_date, id_) > (after.day, after.booking_id)
            )[:limit]
            gone = [id_ for _, id_ in places if _has_ended(tables, id_, ended_before)]
            for id_ in gone:
                del tables.bookings[id_], tables.sweeps[id_]
                for at in [at for at in tables.history if at[0] == id_]:
                    del tables.history[at]
                for undo_id in [u for u, s in tables.undo.items() if s.undo.booking_id == id_]:
                    del tables.undo[undo_id]
        reached = Day(*places[-1]) if places else after
        return Gone(len(gone), is_all=len(places) < limit), reached

    def _reachable(self) -> Tables:
        if self.away:
            raise DatabaseAway("the database in memory was told to be away")
        return self.tables


def _page(page: Listing, bookings: Sequence[Booking]) -> Sequence[Booking]:
    def place(starts_at: datetime, booking_id: UUID) -> tuple[float, UUID]:
        return -starts_at.timestamp(), booking_id

    found = sorted(
        (place(each.slot.starts_at, each.id), each)
        for each in bookings
        if page.status in (None, each.status)
        and (page.starts_from is None or each.slot.starts_at >= page.starts_from)
        and (page.starts_before is None or each.slot.starts_at < page.starts_before)
    )
    after = place(*page.after) if page.after else None
    return [each for key, each in found if after is None or key > after][: page.limit + 1]


def _has_ended(tables: Tables, booking_id: UUID, before: datetime) -> bool:
    booking = tables.bookings[booking_id]
    under_way = (start for id_, start in tables.starts.items() if id_ not in tables.outcomes)
    return (
        booking.status not in ACTIVE
        and max(booking.slot.ends_at, booking.updated_at) < before
        and not any(each.booking_id == booking_id for each in under_way)
        and not any(
            each.undo.booking_id == booking_id and not each.is_done for each in tables.undo.values()
        )
    )


class FakeAuditLog:
    """Implements AuditLog: a transaction without lanes."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[AuditRows]:
        return self._database.transaction("", {})


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
                self._lay(row_id, coordinates)

    def _lay(self, row_id: UUID, at: Coordinates) -> None:
        self._tables.starts[row_id] = replace(self._tables.starts[row_id], coordinates=at)

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
        return [self._claim(row_id, claim) for row_id, claim in claims]

    def _claim(self, row_id: UUID, claim: ClaimSlot) -> Claimed | SlotTaken:
        if claim.claim_id not in self._tables.claims:
            own = claim.booking_id if claim.extends else None
            if conflicts := self._tables.conflicts(claim, but=own):
                return SlotTaken(conflicts)
            self._tables.claims[claim.claim_id] = StandingClaim(row_id, claim)
        return Claimed(claim.claim_id)

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
        for recording in recordings:
            self._end(recording)
            if recording.write:
                self._write(recording.write)
        self._drop_claims(recordings)
        for recording in recordings:
            self._replace_claims(recording)
            self._write_undo(recording)
            if again := recording.sweep_again:
                sweep = self._tables.sweeps[again.booking_id]
                due_at = None if sweep.due_at is None else again.due_at
                self._tables.sweeps[again.booking_id] = Sweep(due_at, again.attempt)

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

    def _end(self, recording: Recording) -> None:
        tables = self._tables
        if recording.row_id in tables.outcomes:
            raise (PromiseBroken if recording.write else Overtaken)(
                f"command {recording.row_id} has an outcome already"
            )
        if recording.lies_at:
            self._lay(recording.row_id, recording.lies_at)
        tables.outcomes[recording.row_id] = recording.outcome
        tables.recorded_at[recording.row_id] = recording.recorded_at
        tables.stories[recording.row_id] = recording.journal
        tables.journal = {
            key: body for key, body in tables.journal.items() if key[0] != recording.row_id
        }
        holder = tables.keys.get(recording.release_key) if recording.release_key else None
        if holder and holder.row_id == recording.row_id:
            del tables.keys[holder.key_id]

    def _write(self, write: BookingWrite) -> None:
        tables, booking = self._tables, write.booking
        standing = tables.bookings.get(booking.id)
        if (standing.version if standing else 0) != booking.version - 1:
            raise PromiseBroken(f"expected to find booking {booking.id} at {booking.version - 1}")
        tables.bookings[booking.id] = written_with(booking, write.key)
        pending = booking.status is Status.PENDING
        attempt = tables.sweeps[booking.id].attempt if standing else 0
        tables.sweeps[booking.id] = Sweep(booking.expires_at if pending else None, attempt)
        if write.history:
            row = HistoryRow(write.history, booking.version, booking.updated_at)
            tables.history[booking.id, booking.version] = row
            if write.history.reason is not None:
                assert write.key is not None, "a reason and no key to seal it"
                tables.reasons[booking.id, booking.version] = write.key.id

    def _drop_claims(self, recordings: Sequence[Recording]) -> None:
        moved = {
            each.write.booking.id
            for each in recordings
            if each.write and each.write.claims is not Claims.KEEP
        }
        dropped = {each.row_id for each in recordings if each.drop_claims}
        self._tables.claims = {
            claim_id: standing
            for claim_id, standing in self._tables.claims.items()
            if standing.claim.booking_id not in moved and standing.row_id not in dropped
        }

    def _replace_claims(self, recording: Recording) -> None:
        write = recording.write
        if not (write and write.claims is Claims.REPLACE and write.claim_id):
            return
        booking = write.booking
        claim = ClaimSlot(
            write.claim_id, booking.id, booking.venue.id, booking.hold.item, booking.slot
        )
        if isinstance(self._claim(recording.row_id, claim), SlotTaken):
            raise PromiseBroken(f"the slot of {booking.id} is claimed by another booking")

    def _write_undo(self, recording: Recording) -> None:
        undo = self._tables.undo
        for owed in recording.owed:
            written = replace(owed, since=recording.recorded_at)
            undo.setdefault(owed.id, StandingUndo(written, recording.recorded_at))
        if recording.undo_done:
            undo[recording.undo_done] = replace(
                undo[recording.undo_done], done_at=recording.recorded_at
            )
        if again := recording.undo_again:
            standing = undo[again.undo_id]
            undo[again.undo_id] = replace(
                standing,
                undo=replace(standing.undo, attempt=again.attempt),
                due_at=again.due_at,
                detail=again.detail,
            )
