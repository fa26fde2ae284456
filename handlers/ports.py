"""What the handlers need from outside, as Protocols, and the values that pass through them.

The only part of handlers that adapters know. Every call takes and gives whole batches: a round trip
per batch, never per command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.booking import Booking
from domain.effects import (
    Claimed,
    ClaimSlot,
    FindConflicts,
    PartnerAnswer,
    PartnerCall,
    SlotTaken,
    TakenSlot,
)
from domain.outcome import Claims, StatusChange
from domain.principal import Principal
from domain.queries import Listing
from domain.refusal import Refusal
from domain.undo import Undo

# --- Kafka ---


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a record lies; the timestamp (broker's, ms) tells it from one of a topic made anew."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as bytes; only header names are text (undecodable bytes escaped)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(self.topic, self.partition, self.offset, self.timestamp_ms)


@dataclass(frozen=True, slots=True)
class Output:
    """One record to publish; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None


class CommandProcessor(Protocol):
    """The command handlers, as the Kafka side sees them."""

    async def process(
        self, records: Sequence[Record], epochs: Mapping[int, int]
    ) -> Mapping[int, Sequence[Output]]:
        """Do one batch; `epochs` holds the lane's epoch by input partition.

        Gives the outputs by input partition, to be published in one transaction with its offsets.
        A partition missing from the answer is no longer ours in the database: nothing of it was
        written, and its lane has to be closed. Raises DatabaseAway when the database cannot be
        reached; the batch is then delivered again.
        """
        ...


class QueryProcessor(Protocol):
    """The query handlers, as the Kafka side sees them."""

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]: ...


class Topics(Protocol):
    """What is known of the cluster's topics, from metadata that is kept fresh."""

    def partitions_of(self, topic: str) -> int | None:
        """How many partitions `topic` has; None when there is no such topic."""
        ...


class Publisher(Protocol):
    """Publishing outside of any lane: for the sweeper and the command line."""

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return when the broker has all of them."""
        ...


# --- who asks ---


class Authenticator(Protocol):
    """Tells who a client is."""

    def authenticate(self, authorization: bytes | None, at: datetime) -> Principal | Refusal:
        """Whose token it is, as of `at`; unauthenticated or forbidden otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class SignedBy:
    """What a valid signature vouches for; `origin` None: the service made the record itself."""

    principal: Principal
    origin: Coordinates | None


class ServiceSigner(Protocol):
    """The service's own signature: on forwarded copies and on its own commands."""

    def verified(self, record: Record) -> SignedBy | None:
        """What is signed; None when there is no valid signature over this very record."""
        ...

    def forward_headers(
        self, record: Record, origin: Coordinates, principal: Principal
    ) -> tuple[tuple[str, bytes], ...]:
        """The headers of a forwarded copy: the client's own but its token, and our signature."""
        ...

    def system_headers(self, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """The headers by which a lane knows the service's own command."""
        ...


# --- the database ---


class DatabaseAway(Exception):
    """The database cannot be reached or is shutting down; nothing of the transaction stands.

    After a COMMIT whose answer was lost it may stand; whoever retries must read again.
    """


class PromiseBroken(Exception):
    """The database holds what the one-writer rule should make impossible; the message says what."""


class LaneEpochs(Protocol):
    """The fence of a lane in the database."""

    async def raise_epoch(self, topic: str, partition: int) -> int:
        """The lane's new epoch, in a transaction of its own; every older one is fenced from now."""
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """A command's row as it is written before anything is done for it; the row is kept for ever."""

    row_id: UUID
    principal: str  # as JSON: a redelivered record is not judged again
    command_id: UUID
    operation: str
    content_hash: str  # hex
    coordinates: Coordinates  # of the record that the lane read
    origin: Coordinates  # of the record that the client sent
    sent: datetime
    decided: datetime
    run: int
    booking_id: UUID | None
    booking_reference: str | None  # of the booking that a create makes
    reply_route: str | None  # as JSON; None: no reply (system commands)
    key_id: UUID | None = (
        None  # of the idempotency key that it takes, to free it if it is abandoned
    )


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """How a command ended, with the bytes that were published."""

    status: int
    code: str | None
    reply: str | None  # the body, exactly as published
    events: str  # JSON list of outputs, exactly as published
    replayed_from: UUID | None  # whose outcome an idempotency key gave again, or this one ended


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """A command's row as found; `outcome` None means started and not ended."""

    start: Start
    outcome: StoredOutcome | None
    journal: tuple[str, ...]  # only of a started one, in order


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A command's wish for an idempotency key (id = UUIDv5 of principal, operation and key)."""

    key_id: UUID
    row_id: UUID
    request_hash: str
    now: datetime  # a key that expired before this may be taken over
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who has the key; `row_id` may be the asking command itself, when it is resumed."""

    row_id: UUID
    request_hash: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What has to survive a crash before the next calls: answers heard, calls about to be made."""

    row_id: UUID
    sequence: int  # from 1; the start wrote 0
    body: str


@dataclass(frozen=True, slots=True)
class BookingWrite:
    """A booking's next version; 1 is inserted, a later one replaces exactly the one before."""

    booking: Booking
    history: StatusChange | None
    claims: Claims
    claim_id: (
        UUID | None
    )  # of the one claim that REPLACE makes; None there: no claim (scope inventory)


@dataclass(frozen=True, slots=True)
class UndoAgain:
    """An undo that failed: its next attempt number and when to try."""

    undo_id: UUID
    attempt: int
    due_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class SweepAgain:
    """An expiry that failed: when to try again, under the next attempt number."""

    booking_id: UUID
    attempt: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Recording:
    """All that one ended command writes, in one transaction with the others of its wave."""

    row_id: UUID
    partition: int
    outcome: StoredOutcome
    journal: str  # the whole story of its calls, kept with the outcome
    recorded_at: datetime
    write: BookingWrite | None = None
    drop_claims: bool = False  # a rejected command's own claims go
    release_key: UUID | None = None
    owed: tuple[Undo, ...] = ()  # due at once
    undo_done: UUID | None = None
    undo_again: UndoAgain | None = None
    sweep_again: SweepAgain | None = None


class LaneTransaction(Protocol):
    """One transaction of a batch, for lanes whose epochs were read `for share` at its beginning."""

    @property
    def lost(self) -> frozenset[int]:
        """Partitions whose epoch is no longer ours; write nothing that belongs to them."""
        ...

    async def find_bookings(self, ids: Sequence[UUID]) -> Mapping[UUID, Booking]: ...

    async def find_commands(self, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        """With outcome, or with journal when only started."""
        ...

    async def find_by_coordinates(
        self, coordinates: Sequence[Coordinates]
    ) -> Mapping[Coordinates, KnownCommand]: ...

    async def start(self, starts: Sequence[Start]) -> frozenset[UUID]:
        """Write the rows that are not there yet, in the order of their ids; gives those written."""
        ...

    async def adopt(self, row_ids: Mapping[UUID, Coordinates]) -> None:
        """Give started rows the coordinates of the record that continues them."""
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

    async def record(self, recordings: Sequence[Recording]) -> None:
        """Raises PromiseBroken when a booking is not at the version before the one written."""
        ...


class LaneDatabase(LaneEpochs, Protocol):
    """Where the lanes write."""

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        """Commits at the end of the block, rolls back on an exception."""
        ...


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
class Abandoned:
    """A command that was started long ago and has no outcome."""

    row_id: UUID
    partition: int


class DueWork(Protocol):
    """What the sweeper looks for; plain reads, no locks."""

    async def due_expiries(self, before: datetime, limit: int) -> Sequence[DueExpiry]: ...

    async def due_undo(self, before: datetime, limit: int) -> Sequence[DueUndo]: ...

    async def abandoned(
        self, topic: str, started_before: datetime, limit: int
    ) -> Sequence[Abandoned]: ...


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step of a booking's status history."""

    change: StatusChange
    version: int
    created_at: datetime


class BookingReads(Protocol):
    """Read-only questions; they never take a lock that a writer waits for."""

    async def bookings(self, ids: Sequence[UUID]) -> Mapping[UUID, Booking]: ...

    async def bookings_by_reference(self, references: Sequence[str]) -> Mapping[str, Booking]: ...

    async def histories(self, booking_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[HistoryRow]]:
        """Oldest first."""
        ...

    async def guest_bookings(
        self, guest_id: UUID, page: Listing, venue_ids: frozenset[UUID] | None
    ) -> Sequence[Booking]:
        """At most `limit` + 1, so that one sees whether more follow; `venue_ids` None: all."""
        ...

    async def venue_bookings(self, venue_id: UUID, page: Listing) -> Sequence[Booking]: ...

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]: ...


# --- partners ---


class Partners(Protocol):
    """Calls over HTTP. What goes wrong comes back as PartnerUnavailable; only a bug raises."""

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        """The answer; `trace` holds the headers by which the client's trace is continued."""
        ...
