"""What somebody wants done: commands as values, parsed once at the edge and never checked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import Enum
from hashlib import blake2b
from typing import Final, Literal
from uuid import UUID

from domain.booking import Contact, Source, Venue, VenueType
from domain.lifecycle import Status
from domain.named_ids import named_id
from domain.principal import Principal
from domain.time_slot import TimeSlot
from domain.values import dataclass

_NAMESPACE: Final = UUID("6f5ef6a4-3b54-5d7e-9a55-5a3f2f0c1b11")


def command_row_id(principal: Principal, command_id: UUID) -> UUID:
    """The identity of a command: ids are scoped by principal."""
    return _row_id(principal.label, command_id)


def _row_id(label: str, command_id: UUID) -> UUID:
    return named_id(_NAMESPACE, f"{label}/{command_id}", beside=command_id)


@dataclass(frozen=True, slots=True)
class Moment:
    """The two clocks of a command, both stored with it, so that a second run sees the same time."""

    sent: datetime  # the broker's timestamp of the client's record: token, lead time
    decided: datetime  # the worker's clock at the first start: deadline, created_at, expires_at


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked, and under which identity; all ids that the command gives away derive from it."""

    principal: Principal
    command_id: UUID
    run: int = 0  # a redrive of a dead letter adds one
    idempotency_key: str | None = field(default=None, repr=False)
    # Both are asked for again and again, so they are worked out once.
    label: str = field(init=False, repr=False, compare=False)  # the principal's
    row_id: UUID = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label = self.principal.label
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "row_id", _row_id(label, self.command_id))

    def derived(self, purpose: str) -> UUID:
        """An id that the same command and run give again, whatever happened in between."""
        return named_id(self.row_id, f"{self.run}/{purpose}")

    def key(self, step: str) -> str:
        """The Idempotency-Key of this command's partner call `step`.

        32 hexadecimal digits; a UUID would cost four times as much, five times a create.
        """
        named = self.row_id.bytes + f"/{self.run}/{step}".encode()
        return blake2b(named, digest_size=16).hexdigest()


class Unset(Enum):
    """Marks an update's field that was not sent; None is a value: it clears the field."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class CreateBooking:
    asked: Asked
    booking_id: UUID
    booking_reference: str
    venue: Venue
    slot: TimeSlot
    booking_date: date
    party_size: int
    item: str | None  # chosen by the client
    contact: Contact
    payment_method_id: str | None = field(repr=False)
    special_requests: str | None = field(repr=False)
    internal_notes: str | None = field(repr=False)
    source: Source
    metadata: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update sets; `booking_time` keeps the offset that the client sent."""

    booking_time: datetime | Unset = UNSET
    duration_minutes: int | Unset = UNSET
    end_time: datetime | Unset = UNSET
    party_size: int | Unset = UNSET
    item: str | Unset | None = UNSET
    guest_name: str | Unset | None = field(default=UNSET, repr=False)
    guest_email: str | Unset | None = field(default=UNSET, repr=False)
    guest_phone: str | Unset | None = field(default=UNSET, repr=False)
    special_requests: str | Unset | None = field(default=UNSET, repr=False)
    internal_notes: str | Unset | None = field(default=UNSET, repr=False)
    metadata: Mapping[str, object] | Unset | None = UNSET


@dataclass(frozen=True, slots=True)
class UpdateBooking:
    asked: Asked
    booking_id: UUID
    expected_version: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class CancelBooking:
    asked: Asked
    booking_id: UUID
    expected_version: int | None = None
    reason: str | None = field(default=None, repr=False)
    refund_amount: str | None = None  # decimal text, in the booking's own currency


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """Any status word that exists; which of them can be reached is the workflow's to say."""

    asked: Asked
    booking_id: UUID
    to: Status
    expected_version: int | None = None
    reason: str | None = field(default=None, repr=False)
    payment: Literal["at_venue"] | None = None


@dataclass(frozen=True, slots=True)
class EraseGuest:
    """Forget a guest: destroy the key that all that is personal of theirs is sealed with."""

    asked: Asked
    guest_id: UUID


@dataclass(frozen=True, slots=True)
class ExpireBooking:
    """From the sweeper; looks at status and version, not at a clock."""

    asked: Asked
    booking_id: UUID
    expected_version: int
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class SettleUndo:
    """From the sweeper: carry out one thing that is still owed."""

    asked: Asked
    undo_id: UUID
    booking_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class EndCommand:
    """From the sweeper: end a command that was started and will never be delivered again."""

    asked: Asked
    row_id: UUID


Command = (
    CreateBooking
    | UpdateBooking
    | CancelBooking
    | ChangeStatus
    | EraseGuest
    | ExpireBooking
    | SettleUndo
    | EndCommand
)


@dataclass(frozen=True, slots=True)
class CheckAvailability:
    """The one query that needs the partners, and so a workflow."""

    query_id: UUID
    venue_id: UUID
    venue_type: VenueType
    slot: TimeSlot
    booking_date: date
    party_size: int
    item: str | None
