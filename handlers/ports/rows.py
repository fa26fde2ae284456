"""What is written of a command and its booking, as values; and what can go wrong with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.booking import Booking
from domain.outcome import Claims, StatusChange
from domain.refusal import Code
from domain.undo import Undo
from domain.values import dataclass
from handlers.ports.log import Coordinates
from handlers.ports.privacy import DataKey


class DatabaseAway(Exception):
    """The database cannot be reached or is shutting down; nothing of the transaction stands.

    After a COMMIT whose answer was lost it may stand; whoever retries must read again.
    """


class PromiseBroken(Exception):
    """The database holds what the one-writer rule should make impossible; the message says what."""


class Overtaken(PromiseBroken):
    """Another lane has ended one of these commands meanwhile, as it may what belongs to no venue.
    Nothing stands of this try, and the next one finds the outcome. Never of one that changes a
    booking: only one lane may do that.
    """


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
    reply: str | None  # the body as published, but with null for all that is personal
    events: str  # JSON list of outputs; as published but for guests' keys, which are named alone
    replayed_from: UUID | None  # whose outcome an idempotency key gave again, or this one ended
    sealed: str | None = None  # the personal part of the reply, by the guest's key

    @property
    def is_failure(self) -> bool:
        """The service failed on it; of all outcomes this one alone may be followed by another."""
        return self.code == Code.INTERNAL_ERROR.word


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """A command's row as found; `outcome` None means started and not ended."""

    start: Start
    outcome: StoredOutcome | None
    journal: tuple[str, ...]  # only of a started one, in order
    key: DataKey | None = None  # opens what is sealed of the outcome; None: nothing, or erased

    def gives_way_to(self, run: int) -> bool:
        """Whether a record of that run begins the command anew: its dead letter was put back."""
        return self.outcome is not None and self.outcome.is_failure and self.start.run < run


@dataclass(frozen=True, slots=True)
class RetiredCommand:
    """All that is left of a command that ended long ago: never to be done again."""

    row_id: UUID
    content: UUID  # the first half of the content's hash

    def is_of(self, content_hash: str) -> bool:
        """Whether it was that content."""
        return self.content == half_of(content_hash)


def half_of(content_hash: str) -> UUID:
    """128 bits of a SHA-256 in hex: enough to tell one's own commands apart, in 16 bytes."""
    return UUID(hex=content_hash[:32])


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A command's wish for an idempotency key (id = UUIDv5 of principal, operation and key)."""

    key_id: UUID
    row_id: UUID
    request_hash: str
    sent: datetime  # when the command was sent: a key that expired before may be taken over
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
    # Of the one claim that REPLACE makes; None there: no claim (scope inventory).
    claim_id: UUID | None
    key: DataKey | None = None  # the guest's; None: nothing personal is left to be written


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
    lies_at: Coordinates | None = None  # whose record publishes it, where lanes may meet in it
    owed: tuple[Undo, ...] = ()  # due at once
    undo_done: UUID | None = None
    undo_again: UndoAgain | None = None
    sweep_again: SweepAgain | None = None
