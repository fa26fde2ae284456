"""What has to hold of every record, whoever sent it: seen in what comes out, and in the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from handlers.ports import Output, Record
from schemas.headers import MAX_CARRIED_BYTES, Headers
from schemas.letters import about
from schemas.strict_json import MAX_BYTES
from tests.handlers.world import COMMANDS, World

PREFIX: Final = "booking.replies"
REPLY_HEADERS: Final = frozenset(
    {"correlation_id", "content-type", "kafka_correlationId", "traceparent"}
    | {"reply_to_refused", "replayed"}
)
EVENT_HEADERS: Final = frozenset(
    {"correlation_id", "traceparent", "content-type", "ce_specversion", "ce_id", "ce_type"}
    | {"ce_source", "ce_time", "ce_subject"}
)
LETTER_HEADERS: Final = frozenset(
    {"dlq_reason", "dlq_detail", "dlq_source_topic", "dlq_source_partition", "dlq_source_offset"}
    | {"dlq_source_timestamp", "dlq_attempts", "dlq_failed_at", "dlq_sealed"}
)
SIGNED: Final = frozenset({"service-origin", "service-principal", "service-signature"})
ECHOED: Final = frozenset({"correlation_id", "kafka_correlationId"})
"""What a client may put any bytes into, and gets back."""
TOPIC_TAKES: Final = 1_000_000
LETTER_TOPIC_TAKES: Final = 3 * 1024 * 1024
_VISIBLE: Final = re.compile(rb"[\x20-\x7e]*")


def weight(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Bytes of headers as Kafka writes them, lengths included."""
    return sum(
        len(name.encode("utf-8", "backslashreplace")) + len(value or b"") + 2
        for name, value in headers
    )


def size(output: Output | Record) -> int:
    """Bytes of a record, about."""
    return len(output.value or b"") + len(output.key or b"") + weight(output.headers)


def check_topics(outputs: Iterable[Output]) -> None:
    """Replies go to allowed topics that exist, everything else to our own."""
    ours = {"booking.events", "booking.dead-letter", "booking.guest-keys", COMMANDS}
    for output in outputs:
        topic = output.topic
        assert topic in ours or topic == PREFIX or topic.startswith(f"{PREFIX}."), topic
        assert topic in ours or topic in {PREFIX, f"{PREFIX}.shop"}, "there is no such topic"


def check_sizes(record: Record, outputs: Sequence[Output]) -> None:
    """Everything fits its topic, and nobody makes us write much more than they sent."""
    for output in outputs:
        limit = LETTER_TOPIC_TAKES if output.topic.endswith("dead-letter") else TOPIC_TAKES
        assert size(output) < limit, f"{size(output)} bytes for {output.topic}"
    assert sum(map(size, outputs)) <= 4 * size(record) + 32 * 1024


def check_reply(record: Record, reply: Output) -> None:
    """Our headers, each once, with nothing of a stranger's but the ids that are his to choose."""
    names = [name for name, _ in reply.headers]
    assert len(set(names)) == len(names), names
    assert set(names) <= REPLY_HEADERS, names
    said = Headers.of(record.headers)
    told = dict(reply.headers)
    body = json.loads(reply.value)
    message_id = body.get("command_id") or body.get("query_id")
    assert told["correlation_id"] == (said.correlation_id or str(message_id).encode())
    assert reply.key == told["correlation_id"]
    assert told.get("kafka_correlationId") == said.spring_correlation_id
    _check_visible(reply)


def check_event(event: Output) -> None:
    """The headers of an event."""
    assert {name for name, _ in event.headers} <= EVENT_HEADERS
    _check_visible(event)


def check_letter(record: Record, letter: Output, world: World) -> None:
    """What was sent and our own words about it, which nobody else can put there."""
    names = [name for name, _ in letter.headers]
    own = [name for name in names if name.lower().startswith("dlq_")]
    assert len(set(own)) == len(own), own
    assert LETTER_HEADERS <= set(own) <= LETTER_HEADERS | {"dlq_cut"}
    for name, value in letter.headers:
        assert name.lower() != "authorization"
        assert name not in own or _VISIBLE.fullmatch(value), (name, value)
    signed = [name for name in names if name in SIGNED]
    read = world.read_letter(
        Record(letter.topic, 0, 0, 1, letter.key, letter.value, letter.headers)
    )
    assert read.signed is not None or not signed, "somebody else's signature"
    assert len(signed) in (0, 3)
    assert about(letter.headers)["reason"] == "unreadable"
    value = read.record.value or b""
    whole = record.value or b""
    assert value == whole or ("dlq_cut" in own and whole.startswith(value))
    assert weight(letter.headers) <= MAX_CARRIED_BYTES + 4096
    if len(whole) <= MAX_BYTES and weight(record.headers) < MAX_CARRIED_BYTES // 2:
        assert len(record.key or b"") > 1024 or "dlq_cut" not in own


def check_traces(world: World) -> None:
    """What goes into HTTP headers of partners."""
    for header in (header for trace in world.partners.traces for header in trace.values()):
        assert header.isascii()
        assert header.isprintable()


def check_log(entries: Sequence[object]) -> None:
    """A stranger's record is nothing to write home about: not one line, so nothing of theirs."""
    assert not entries, entries


def _check_visible(output: Output) -> None:
    for name, value in output.headers:
        assert name in ECHOED or _VISIBLE.fullmatch(value), (name, value)
