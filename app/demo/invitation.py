"""Lines to paste into another shell while the demo is kept running."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping

from app.demo.memory import Memory
from app.demo.processes import COMMAND
from app.demo.script import Hours, Send
from app.demo.stage import Stage
from app.demo.tokens import token_of
from app.demo.topics import reply_topic


def invitation(stage: Stage, memory: Memory, example: Send | None) -> Iterator[tuple[str, str]]:
    """What a line does, and the line; each works on its own in a fresh shell.

    `example` is a create; the lines use its guest, its venue and its booking.
    """
    if example is not None:
        token = token_of(example.by, stage.secret)
        new = memory.filled_all({**example.data, "booking_time": Hours(50)})
        yield "book another table", _send(stage, token, "create_booking", new)
        if example.named in memory.bookings:
            booking = {"booking_id": memory.bookings[example.named]["id"]}
            yield "look a booking of the day up", _send(stage, token, "get_booking", booking)
        guest = {"guest_id": example.by.subject}
        yield "all bookings of the guest", _send(stage, token, "list_guest_bookings", guest)
        yield "what the programs of samples/ read; then start one", _exports(stage, token)
    yield "the events, as they come", _booking(stage, "watch", "events")
    inside = f"cd {shlex.quote(str(stage.directory))} &&"  # where its `.env` is
    yield "is the worker well?", f"{inside} {_command()} health"
    yield (
        "kill the worker, start it again",
        f"kill -9 {stage.worker.pid}; {inside} {_command()} run",
    )


def _exports(stage: Stage, token: str) -> str:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": stage.kafka.bootstrap_servers,
        "TOPIC_PREFIX": stage.kafka.topic_prefix,
        "REPLY_TOPIC": reply_topic(stage.kafka),
        "GUEST_TOKEN": token,
    }
    return " ".join(["export", *(f"{name}={value}" for name, value in settings.items())])


def _send(stage: Stage, token: str, type_: str, data: Mapping[str, object]) -> str:
    written = json.dumps(data, ensure_ascii=False)
    return _booking(stage, "send", type_, written, "--wait", "10", "--token", token)


def _booking(stage: Stage, *arguments: str) -> str:
    variables = [f"BOOKING_KAFKA__BOOTSTRAP_SERVERS={stage.kafka.bootstrap_servers}"]
    if stage.kafka.topic_prefix != "booking":
        variables.append(f"BOOKING_KAFKA__TOPIC_PREFIX={stage.kafka.topic_prefix}")
    return " ".join([*variables, _command(), *map(shlex.quote, arguments)])


def _command() -> str:
    return shlex.quote(str(COMMAND))
