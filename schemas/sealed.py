"""What an event keeps from everybody but this service: the personal part, and the command's own.

Together with the open part of the payload it is all that a rebuild needs: the booking with its
guest, the history's row with its reason, and the command with who sent it and where its reply went.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.booking import Booking
from domain.lifecycle import Status
from domain.outcome import StatusChange


@dataclass(frozen=True, slots=True)
class PersonalPart:
    """Of the booking, at this version."""

    guest_name: str | None
    guest_email: str | None
    guest_phone: str | None
    special_requests: str | None
    internal_notes: str | None
    idempotency_key: str | None
    cancellation_reason: str | None

    @classmethod
    def of(cls, booking: Booking) -> PersonalPart:
        contact = booking.contact
        return cls(
            contact.name,
            contact.email,
            contact.phone,
            booking.special_requests,
            booking.internal_notes,
            booking.idempotency_key,
            booking.cancellation_reason,
        )


@dataclass(frozen=True, slots=True)
class CommandPart:
    """Of the command that made this version, as it stands in its row."""

    principal: str  # JSON
    operation: str
    run: int
    origin: tuple[str, int, int, int]  # topic, partition, offset, timestamp in ms
    sent: datetime
    decided: datetime
    reply_route: str | None  # JSON; None: no reply
    key_id: UUID | None
    status: int  # of the reply
    client_secret: str | None  # shown in the reply alone


@dataclass(frozen=True, slots=True)
class Sealed:
    """The whole of it."""

    personal: PersonalPart
    history: StatusChange | None
    command: CommandPart


def dump_sealed(sealed: Sealed) -> bytes:
    """As JSON, for sealing."""
    history = sealed.history
    return orjson.dumps(
        {
            "personal": sealed.personal,
            "history": history
            and [history.from_status, history.to_status, history.changed_by, history.reason],
            "command": sealed.command,
        }
    )


def load_sealed(text: bytes) -> Sealed:
    """What was dumped. Raises ValueError when this version does not understand it."""
    try:
        stored: dict[str, Any] = orjson.loads(text)
        command = stored["command"] | {
            "origin": tuple(stored["command"]["origin"]),
            "sent": datetime.fromisoformat(stored["command"]["sent"]),
            "decided": datetime.fromisoformat(stored["command"]["decided"]),
            "key_id": stored["command"]["key_id"] and UUID(stored["command"]["key_id"]),
        }
        return Sealed(
            PersonalPart(**stored["personal"]), _history(stored["history"]), CommandPart(**command)
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"the sealed part cannot be read: {type(error).__name__}") from None


def _history(stored: list[Any] | None) -> StatusChange | None:
    if stored is None:
        return None
    came_from, to, changed_by, reason = stored
    return StatusChange(came_from and Status(came_from), Status(to), changed_by, reason)
