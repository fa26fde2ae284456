"""What an event keeps from everybody but this service, in two parts: the guest's and our own.

Together with the open part of the payload it is all that a rebuild needs: the booking with its
guest, the history's row with its reason, and the command with who sent it and where its reply went.
The guest's part is sealed with the guest's key, and gone with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import orjson

from domain.booking import Booking
from domain.lifecycle import Status
from domain.outcome import StatusChange


class PersonalPart(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Of the booking, at this version."""

    guest_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    special_requests: str | None = None
    internal_notes: str | None = None
    idempotency_key: str | None = None
    cancellation_reason: str | None = None

    def __repr__(self) -> str:
        return "PersonalPart()"

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

    def shown(self) -> dict[str, str]:
        """By name, without what is not there."""
        return {
            name: value for name in PERSONAL_FIELDS if (value := getattr(self, name)) is not None
        }


PERSONAL_FIELDS: Final = PersonalPart.__struct_fields__
_OF_REPLIES: Final = (*PERSONAL_FIELDS, "payment_client_secret")


def dump_personal(personal: PersonalPart) -> bytes:
    """As JSON, for sealing."""
    return msgspec.json.encode(personal)


def load_personal(text: bytes) -> PersonalPart:
    """Raises ValueError when this version does not understand it."""
    try:
        return _PERSONAL.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"the personal part cannot be read: {type(error).__name__}") from None


# --- replies: stored with null for what is personal, and that beside it ---


def parted(shown: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A reply's `data` without what is personal, and what is."""
    personal = {name: value for name in _OF_REPLIES if (value := shown.get(name)) is not None}
    return shown | dict.fromkeys(personal), personal


def joined(reply: str, personal: dict[str, Any]) -> bytes:
    """A stored reply's body as it was published, byte for byte."""
    body = orjson.loads(reply)
    if body["data"] is None:  # a refusal
        return reply.encode()
    body["data"] |= personal
    return orjson.dumps(body)


# --- events ---

VERSION: Final = 2
"""Of the sealed part of an event: since 2 the guest's part has a key of its own."""


class GuestPart(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the guest's key seals."""

    personal: PersonalPart = PersonalPart()
    reason: str | None = None  # of the change of status
    client_secret: str | None = None  # shown in the reply alone

    def __repr__(self) -> str:
        return "GuestPart()"


class CommandPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    erased_with: UUID | None  # the key of a guest who was erased by then


@dataclass(frozen=True, slots=True)
class ServicePart:
    """What a key of the settings seals; the history is without its reason."""

    history: StatusChange | None
    command: CommandPart


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    """It, as it is written: of the history from, to, and by whom."""

    history: tuple[Status | None, Status, str] | None
    command: CommandPart


_PERSONAL: Final = msgspec.json.Decoder(PersonalPart)
_GUEST: Final = msgspec.json.Decoder(GuestPart)
_SERVICE: Final = msgspec.json.Decoder(_Stored)


def dump_guest_part(part: GuestPart) -> bytes:
    """As JSON, for sealing."""
    return msgspec.json.encode(part)


def load_guest_part(text: bytes) -> GuestPart:
    """What was dumped. Raises ValueError when this version does not understand it."""
    try:
        return _GUEST.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"the guest's part cannot be read: {type(error).__name__}") from None


def dump_service_part(part: ServicePart) -> bytes:
    """As JSON, for sealing."""
    change, history = part.history, None
    if change is not None:
        history = change.from_status, change.to_status, change.changed_by
    return msgspec.json.encode(_Stored(history, part.command))


def load_service_part(text: bytes) -> ServicePart:
    """What was dumped. Raises ValueError when this version does not understand it."""
    try:
        stored = _SERVICE.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"the sealed part cannot be read: {type(error).__name__}") from None
    history = None if stored.history is None else StatusChange(*stored.history, None)
    return ServicePart(history, stored.command)
