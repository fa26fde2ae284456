"""How a command ends: accepted with a booking and what happened to it, or rejected with why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from uuid import UUID

from domain.booking import Booking
from domain.lifecycle import Status
from domain.refusal import Refusal
from domain.undo import Undo
from domain.values import dataclass


class EventType(StrEnum):
    CREATED = "booking.created"
    UPDATED = "booking.updated"
    CANCELLED = "booking.cancelled"
    STATUS_CHANGED = "booking.status_changed"
    CONFIRMED = "booking.confirmed"
    CHECKED_IN = "booking.checked_in"
    COMPLETED = "booking.completed"
    EXPIRED = "booking.expired"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event; several of one command carry the same booking version."""

    type: EventType
    changed_by: str
    from_status: Status | None = None
    to_status: Status | None = None
    changes: Mapping[str, tuple[object, object]] | None = None  # wire names, no personal fields


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One row of the status history."""

    from_status: Status | None
    to_status: Status
    changed_by: str
    reason: str | None = field(repr=False)


class Claims(StrEnum):
    """What the outcome does to the booking's claims."""

    KEEP = "keep"  # they stand as they are
    REPLACE = "replace"  # one claim on what the booking now holds takes the place of all
    FREE = "free"  # the slot is free again


@dataclass(frozen=True, slots=True)
class Accepted:
    """The booking's new state, and all that is published and stored with it."""

    booking: Booking
    events: tuple[Happened, ...]
    history: StatusChange | None = None
    claims: Claims = Claims.KEEP
    owed: tuple[Undo, ...] = ()  # what could not be given back now
    # Of the payment that the command opened; in its reply alone.
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing changes; claims that the command added are dropped."""

    refusal: Refusal
    owed: tuple[Undo, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """An undo that is done; `change` when the booking's money moved by it."""

    change: Accepted | None = None


@dataclass(frozen=True, slots=True)
class StillOwed:
    """An undo that did not succeed this time; it comes back with backoff."""

    detail: str  # for the operator; no personal data


@dataclass(frozen=True, slots=True)
class Erased:
    """A guest is forgotten; bookings, money and history stay."""

    guest_id: UUID


@dataclass(frozen=True, slots=True)
class Ignored:
    """A system command that time has overtaken: nothing to do."""

    detail: str


Outcome = Accepted | Rejected | Settled | StillOwed | Erased | Ignored
