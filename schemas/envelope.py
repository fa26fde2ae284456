"""The outer shape of a command or query: what can be read before anybody knows who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from schemas import fields, strict_json
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


@dataclass(frozen=True)  # without slots: cached_property needs a place
class RawCommand:
    """A readable command, its content as sent and not yet checked."""

    type: str
    command_id: UUID
    idempotency_key: object = field(repr=False)  # None: absent or null
    data: Any = field(repr=False)  # None: absent or null
    unknown: tuple[str, ...] = ()  # fields that an envelope does not have

    @cached_property
    def content_hash(self) -> str:
        """Tells a repeat from another command under the same id."""
        return strict_json.canonical_hash(self.type, self.idempotency_key, self.data)

    @cached_property
    def request_hash(self) -> str:
        """Tells a repeat from another request under the same idempotency key."""
        return strict_json.request_hash(self.type, self.data)


@dataclass(frozen=True, slots=True)
class RawQuery:
    """A readable query, its content as sent and not yet checked."""

    type: str
    query_id: UUID
    data: Any = field(repr=False)  # None: absent or null
    unknown: tuple[str, ...] = ()


def parse_command(value: bytes | None) -> RawCommand | Unreadable:
    """Never raises: whatever a stranger sends is a command or unreadable."""
    envelope = _parse(value, COMMANDS, "command_id")
    if isinstance(envelope, Unreadable):
        return envelope
    return RawCommand(
        envelope["type"],
        UUID(envelope["command_id"]),
        envelope.get("idempotency_key"),
        envelope.get("data"),
        _unknown(envelope, _COMMAND_FIELDS),
    )


def parse_query(value: bytes | None) -> RawQuery | Unreadable:
    """Never raises: whatever a stranger sends is a query or unreadable."""
    envelope = _parse(value, QUERIES, "query_id")
    if isinstance(envelope, Unreadable):
        return envelope
    return RawQuery(
        envelope["type"],
        UUID(envelope["query_id"]),
        envelope.get("data"),
        _unknown(envelope, _QUERY_FIELDS),
    )


_COMMAND_FIELDS: Final = frozenset({"type", "command_id", "idempotency_key", "data"})
_QUERY_FIELDS: Final = frozenset({"type", "query_id", "data"})


def _parse(
    value: bytes | None, types: frozenset[str], id_field: str
) -> dict[str, Any] | Unreadable:
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
    if not fields.is_uuid(envelope.get(id_field)):
        return Unreadable(f"no UUID in {id_field}")
    return envelope


def _unknown(envelope: dict[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in envelope if name not in known)
