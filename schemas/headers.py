"""Record headers as strangers send them: each is understood, or as if absent; none raises.

One pass over the tuple. A header that is null, repeated or over 1 KiB says nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Final

from pydantic_core import PydanticCustomError

from domain.values import dataclass
from schemas.fields import instant

MAX_BYTES: Final = 1024
MAX_AUTHORIZATION_BYTES: Final = 16 * 1024
"""Tokens of large organisations are long; beyond this nobody is a client."""
MAX_CARRIED_BYTES: Final = 64 * 1024
"""Of headers that go on with a record to another topic. Kafka weighs what comes compressed, and so
lets in far more than it takes from us.
"""
_READ: Final = frozenset(
    {
        "authorization",
        "correlation_id",
        "reply_to",
        "reply_partition",
        "deadline",
        "traceparent",
        "tracestate",
        "kafka_correlationId",
        "kafka_replyTopic",
        "kafka_replyPartition",
        "service-signature",
    }
)
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?"
)
_VISIBLE: Final = re.compile(rb"[\x20-\x7e]+")
_INTEGER: Final = re.compile(rb"[0-9]{1,9}")


class Malformed(Enum):
    """A header that is there and cannot be understood."""

    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Headers:
    """What the headers of a command or query say."""

    authorization: bytes | None = None
    correlation_id: bytes | None = None  # UTF-8, or Spring's opaque bytes when only those came
    spring_correlation_id: bytes | None = None  # echoed byte for byte
    reply_to: str | None = None  # "" when it cannot be read: no topic is called so
    reply_partition: int | None = None  # -1 when it cannot be read: no partition is called so
    deadline: datetime | Malformed | None = None
    traceparent: bytes | None = None
    tracestate: bytes | None = None
    is_signed: bool = False  # carries something that claims to be the service's own signature

    @classmethod
    def of(cls, headers: Iterable[tuple[str, bytes | None]]) -> Headers:
        """Whatever the headers are, this gives an answer."""
        found: dict[str, bytes | None] = {}
        repeated: set[str] = set()
        for name, value in headers:
            if name in found:
                repeated.add(name)
            elif name in _READ:
                found[name] = value
        if not found:
            return _NONE
        said = {name: value for name, value in found.items() if name not in repeated}
        present = {name for name, value in found.items() if value is not None} | repeated
        return cls._read(said, present)

    @property
    def trace(self) -> dict[str, str]:
        """The HTTP headers that continue the trace at a partner."""
        found = (("traceparent", self.traceparent), ("tracestate", self.tracestate))
        return {name: value.decode() for name, value in found if value is not None}

    @classmethod
    def _read(cls, said: dict[str, bytes | None], present: set[str]) -> Headers:
        """From the headers said once, and the names of all that are there."""
        spring = _short(said.get("kafka_correlationId"))
        trace = _traceparent(said.get("traceparent"))
        own_topic = "reply_to" in present
        own_partition = "reply_partition" in present
        return cls(
            authorization=_short(said.get("authorization"), MAX_AUTHORIZATION_BYTES),
            correlation_id=_correlation(said.get("correlation_id")) or spring,
            spring_correlation_id=spring,
            reply_to=_topic(said, "reply_to" if own_topic else "kafka_replyTopic", present),
            reply_partition=(
                _partition(said.get("reply_partition"))
                if own_partition
                else _spring_partition(said, present)
            ),
            deadline=_deadline(said.get("deadline")) if "deadline" in present else None,
            traceparent=trace,
            tracestate=_tracestate(said.get("tracestate")) if trace else None,
            is_signed="service-signature" in present,
        )


def carried(headers: Sequence[tuple[str, bytes | None]]) -> Sequence[tuple[str, bytes | None]]:
    """What of a record's headers goes on with it: all, unless that is more than anybody needs; then
    those that are read here, cut where they say nothing, or say it too often.
    """
    if weight(headers) <= MAX_CARRIED_BYTES:
        return headers
    kept: list[tuple[str, bytes | None]] = []
    found: Counter[str] = Counter()
    for name, value in headers:
        found[name] += 1
        if name in _READ and found[name] <= 2:
            limit = MAX_AUTHORIZATION_BYTES if name == "authorization" else MAX_BYTES
            kept.append((name, value and value[: limit + 1]))
    return kept


def weight(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Bytes that the headers take in a topic of ours; even one of nothing at all takes two."""
    return sum(
        2 + (len(name) if name.isascii() else _escaped_length(name)) + len(value or b"")
        for name, value in headers
    )


def reply_topic(
    requested: str | None, allowed_prefixes: Sequence[str], default: str
) -> tuple[str, bool]:
    """Where a reply goes, and whether the wish for another topic was refused.

    Allowed is a prefix itself and whatever continues it after a dot.
    """
    if requested is None:
        return default, False
    for prefix in allowed_prefixes:
        if requested == prefix or requested.startswith(prefix + "."):
            return requested, False
    return default, True


_NONE: Final = Headers()


def _escaped_length(name: str) -> int:
    """As adapters/kafka/sending writes it: a byte that is no text becomes six."""
    return len(name.encode("utf-8", "backslashreplace"))


def _short(value: bytes | None, limit: int = MAX_BYTES) -> bytes | None:
    return value if value and len(value) <= limit else None


def _text(value: bytes | None) -> str | None:
    """None as well for what is empty, too long or not UTF-8."""
    short = _short(value)
    try:
        return short.decode() if short else None
    except UnicodeDecodeError:
        return None


def _correlation(value: bytes | None) -> bytes | None:
    return value if _text(value) is not None else None


def _topic(said: dict[str, bytes | None], name: str, present: set[str]) -> str | None:
    return (_text(said.get(name)) or "") if name in present else None


def _partition(value: bytes | None) -> int:
    return int(value) if value and _INTEGER.fullmatch(value) else -1


def _spring_partition(said: dict[str, bytes | None], present: set[str]) -> int | None:
    """Four bytes, big-endian, as Java writes an int."""
    if "kafka_replyPartition" not in present:
        return None
    value = said.get("kafka_replyPartition")
    return int.from_bytes(value, "big", signed=True) if value and len(value) == 4 else -1


def _deadline(value: bytes | None) -> datetime | Malformed:
    try:
        return instant(_text(value))
    except PydanticCustomError:
        return Malformed.MALFORMED


def _tracestate(value: bytes | None) -> bytes | None:
    """A list of vendors' own words; only what may stand in an HTTP header is passed on."""
    return value if _short(value) and _VISIBLE.fullmatch(value or b"") else None


def _traceparent(value: bytes | None) -> bytes | None:
    """W3C Trace Context; what is not valid is dropped, and a new trace begins.

    What a later version may add is visible ASCII too: it goes into HTTP headers and stored text.
    """
    if value is None or len(value) < 55 or not _TRACEPARENT.fullmatch(value):
        return None
    is_first_version = value.startswith(b"00")
    return value if len(value) == 55 or not (is_first_version or len(value) > MAX_BYTES) else None
