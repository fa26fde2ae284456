"""Every message of the service: its topic, key, headers, model, and an example that validates.

The one source of generated documentation and of the command line's help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

from domain.outcome import EventType
from schemas import examples
from schemas.booking import BookingShown, BookingToPay
from schemas.commands import COMMAND_DATA
from schemas.envelope import SYSTEM_COMMANDS
from schemas.models import (
    Availability,
    BookingHistory,
    BookingPage,
    EventShown,
    GuestErased,
)
from schemas.queries import QUERY_DATA
from schemas.replies import CommandReply, QueryReply


class Kind(StrEnum):
    """Which way a message goes, and what for."""

    COMMAND = "command"
    QUERY = "query"
    REPLY = "reply"
    EVENT = "event"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `model` is that of `data` for commands and queries, else of the whole value."""

    name: str
    kind: Kind
    topic: str  # after the prefix and a dot
    key: str  # what the key is, in words
    summary: str
    model: type[BaseModel] | None  # None: the value is whatever came
    reply_data: type[BaseModel] | None
    headers: Mapping[str, str]  # name to meaning
    example: Mapping[str, Any] | None
    is_internal: bool = field(default=False)  # only the service's own


def catalogue() -> tuple[Message, ...]:
    """All messages, in the order in which a reader wants them."""
    return (*_commands(), *_queries(), *_replies(), *_events(), _DEAD_LETTER)


_ASKING: Final = {
    "authorization": "Bearer and a JWT; required unless authentication is off",
    "correlation_id": "echoed on the reply and the events; without it, the message's own id",
    "reply_to": "a topic for the reply; an allowed prefix, or one that continues it after a dot",
    "reply_partition": "a partition of that topic, as decimal text",
    "traceparent": "W3C trace context, continued",
    "tracestate": "W3C trace context, continued",
    "content-type": "application/json",
    "kafka_correlationId": "Spring: opaque bytes, echoed byte for byte",
    "kafka_replyTopic": "Spring: the same as reply_to",
    "kafka_replyPartition": "Spring: the same as reply_partition, four bytes, big-endian",
}
_DEADLINE: Final = {"deadline": "RFC 3339; a command that was not begun by then is not done"}
_REPLYING: Final = {
    "correlation_id": "the asking record's",
    "kafka_correlationId": "the asking record's, when it had one",
    "content-type": "application/json",
    "traceparent": "W3C trace context",
    "replayed": "true when an earlier outcome is sent again, byte for byte",
    "reply_to_refused": "true when the topic asked for is not allowed or does not exist",
}
_TELLING: Final = {
    "correlation_id": "the command's; opaque bytes of a Spring client as hex",
    "traceparent": "W3C trace context",
    "content-type": "application/json",
    "ce_specversion": "1.0 (CloudEvents, binary mode)",
    "ce_id": "event_id",
    "ce_type": "event_type",
    "ce_source": "booking-reservation-service",
    "ce_time": "timestamp",
    "ce_subject": "the booking's id",
}
_SETTING_ASIDE: Final = {
    "dlq_reason": "the code of what went wrong",
    "dlq_detail": "the same in words, without personal data",
    "dlq_source_topic": "where the client's own record lies",
    "dlq_source_partition": "its partition",
    "dlq_source_offset": "its offset",
    "dlq_source_timestamp": "its broker timestamp, milliseconds since 1970",
    "dlq_attempts": "how often it was tried",
    "dlq_sealed": "by whose key the value is sealed: guest or service",
    "dlq_cut": "true where key, value or headers were too large for any topic",
    "dlq_failed_at": "when it was given up, RFC 3339",
}
_REPLY_DATA: Final[dict[str, type[BaseModel]]] = {
    "create_booking": BookingToPay,
    "update_booking": BookingToPay,
    "erase_guest": GuestErased,
    "get_booking": BookingShown,
    "get_booking_by_reference": BookingShown,
    "list_guest_bookings": BookingPage,
    "list_venue_bookings": BookingPage,
    "check_availability": Availability,
    "get_booking_history": BookingHistory,
}


def _commands() -> list[Message]:
    return [
        Message(
            name,
            Kind.COMMAND,
            "commands",
            "venue_id, lower case; anything else is forwarded to where that would have gone",
            _summary(model),
            model,
            None if name in SYSTEM_COMMANDS else _REPLY_DATA.get(name, BookingShown),
            _ASKING | _DEADLINE,
            examples.command(name),
            is_internal=name in SYSTEM_COMMANDS,
        )
        for name, model in COMMAND_DATA.items()
    ]


def _queries() -> list[Message]:
    return [
        Message(
            name,
            Kind.QUERY,
            "queries",
            "any",
            _summary(model),
            model,
            _REPLY_DATA[name],
            _ASKING,
            examples.query(name),
        )
        for name, model in QUERY_DATA.items()
    ]


def _replies() -> list[Message]:
    return [
        Message(
            name,
            Kind.REPLY,
            "replies",
            "the correlation id",
            _summary(model),
            model,
            None,
            _REPLYING,
            example,
        )
        for name, model, example in (
            ("command_reply", CommandReply, examples.command_reply()),
            ("command_refused", CommandReply, examples.command_refused()),
            ("query_reply", QueryReply, examples.query_reply()),
        )
    ]


def _events() -> list[Message]:
    return [
        Message(
            event_type.value,
            Kind.EVENT,
            "events",
            "booking_id",
            _EVENT_SUMMARIES[event_type],
            EventShown,
            None,
            _TELLING,
            examples.event(event_type),
        )
        for event_type in EventType
    ]


_EVENT_SUMMARIES: Final = {
    EventType.CREATED: "A booking was made; the only event of a create.",
    EventType.UPDATED: "Fields changed, or money moved later on; `changes` says which.",
    EventType.CANCELLED: "The booking was cancelled; its slot is free.",
    EventType.STATUS_CHANGED: "The status changed; comes after the transition's own event.",
    EventType.CONFIRMED: "The booking was paid, or will be at the venue.",
    EventType.CHECKED_IN: "The guest arrived.",
    EventType.COMPLETED: "The guest left; the slot is free.",
    EventType.EXPIRED: "The booking was not confirmed in time; its slot is free.",
}
_DEAD_LETTER: Final = Message(
    "dead_letter",
    Kind.DEAD_LETTER,
    "dead-letter",
    "the record's own",
    "A record that could not be processed, sealed, with its own headers but authorization.",
    None,
    None,
    _SETTING_ASIDE,
    None,
)


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()
