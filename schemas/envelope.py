"""The outer shape of a command or query: what can be read before anybody knows who asks."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Final
from uuid import UUID

from domain.values import dataclass
from schemas import strict_json
from schemas.fields import uuid_of
from schemas.strict_json import Unreadable

SYSTEM_COMMANDS: Final = frozenset({"expire_booking", "settle_undo", "end_command"})
"""Only the service itself sends these."""
COMMANDS: Final = SYSTEM_COMMANDS | {
    "create_booking",
    "update_booking",
    "cancel_booking",
    "update_booking_status",
    "erase_guest",
}
QUERIES: Final = frozenset(
    {
        "get_booking",
        "get_booking_by_reference",
        "list_guest_bookings",
        "list_venue_bookings",
        "check_availability",
        "get_booking_history",
    }
)


@dataclass(frozen=True, slots=True)
class RawCommand:
    """A readable command, its content as sent and not yet checked."""

    type: str
    command_id: UUID
    idempotency_key: object = field(repr=False)  # None: absent or null
    data: Any = field(repr=False)  # None: absent or null
    content_hash: str  # tells a repeat from another command under the same id
    request_hash: str  # tells a repeat from another request under the same idempotency key
    unknown: tuple[str, ...] = ()  # fields that an envelope does not have


@dataclass(frozen=True, slots=True)
class RawQuery:
    """A readable query, its content as sent and not yet checked."""

    type: str
    query_id: UUID
    data: Any = field(repr=False)  # None: absent or null
    unknown: tuple[str, ...] = ()


def parse_command(value: bytes | None) -> RawCommand | Unreadable:
    """Never raises: whatever a stranger sends is a command or unreadable."""
    envelope = _parse(value, COMMANDS)
    if isinstance(envelope, Unreadable):
        return envelope
    command_id = uuid_of(envelope.get("command_id"))
    if command_id is None:
        return Unreadable("no UUID in command_id")
    type_, key, data = envelope["type"], envelope.get("idempotency_key"), envelope.get("data")
    return RawCommand(
        type_,
        command_id,
        key,
        data,
        strict_json.canonical_hash(type_, key, data),
        strict_json.request_hash(type_, data),
        _unknown(envelope, _COMMAND_FIELDS),
    )


def parse_query(value: bytes | None) -> RawQuery | Unreadable:
    """Never raises: whatever a stranger sends is a query or unreadable."""
    envelope = _parse(value, QUERIES)
    if isinstance(envelope, Unreadable):
        return envelope
    query_id = uuid_of(envelope.get("query_id"))
    if query_id is None:
        return Unreadable("no UUID in query_id")
    return RawQuery(
        envelope["type"],
        query_id,
        envelope.get("data"),
        _unknown(envelope, _QUERY_FIELDS),
    )


_COMMAND_FIELDS: Final = frozenset({"type", "command_id", "idempotency_key", "data"})
_QUERY_FIELDS: Final = frozenset({"type", "query_id", "data"})


def _parse(value: bytes | None, types: frozenset[str]) -> dict[str, Any] | Unreadable:
    if value is None:
        return Unreadable("the record has no value")
    try:
        envelope = strict_json.parse(value)
    except Unreadable as unreadable:
        return unreadable
    if not isinstance(envelope, dict):
        return Unreadable("not an object")
    if not isinstance(envelope.get("type"), str) or envelope["type"] not in types:
        return Unreadable("no known type")
    return envelope


def _unknown(envelope: dict[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in envelope if name not in known)
