"""One function for each topic: bytes make a record, it goes through the real pipeline, and what
comes out is held against the oracle. Beside it stand records of somebody who did nothing wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid5

from structlog.testing import capture_logs

from domain.principal import Guest
from handlers.ports import Coordinates, Output, Record
from schemas.catalogue import Kind, catalogue
from schemas.envelope import parse_command, parse_query
from schemas.headers import Headers
from schemas.strict_json import Unreadable
from tests.fuzz import oracle
from tests.fuzz.crafting import craft
from tests.fuzz.draft import MOST_BYTES, Client
from tests.handlers.world import (
    COMMANDS,
    GUEST,
    NOW,
    SECRET,
    STRANGER,
    TOMORROW,
    VENUE,
    World,
    bearer,
)

_NEIGHBOUR: Final = UUID("00000000-0000-4000-8000-0000000f0003")  # of partition 0, as VENUE is
_AT: Final = int(NOW.timestamp() * 1000)


def command(text: bytes, most_bytes: int = MOST_BYTES) -> None:
    """A record on the commands' topic; raises AssertionError, or what the pipeline raised."""
    _run(_command(text, most_bytes))


def query(text: bytes, most_bytes: int = MOST_BYTES) -> None:
    """The same on the queries' topic."""
    _run(_query(text, most_bytes))


TARGETS: Final[Mapping[str, Callable[..., None]]] = {"commands": command, "queries": query}


async def _command(text: bytes, most_bytes: int) -> None:
    world = World()
    booking = await world.booked(by=GUEST)
    world.published.clear()
    before = world.create(by=STRANGER, venue_id=_NEIGHBOUR)
    record = _appended(world, craft(text, commands_client(world, booking["id"]), most_bytes))
    after = world.create(by=STRANGER, venue_id=_NEIGHBOUR, hour=3)
    await world.settle()

    neighbours = {str(before), str(after)}
    answers = [json.loads(reply.output.value) for reply in world.replies]
    mine = [a for a in answers if a["command_id"] in neighbours]
    assert [answer["status"] for answer in mine] == [201, 201], "a neighbour suffered"
    others = [
        output
        for output in world.published
        if not any(_is_about(output, each) for each in (before, after))
    ]
    _check_outputs(record, others, world, parse_command(record.value))


async def _query(text: bytes, most_bytes: int) -> None:
    world = World()
    booking = await world.booked(by=GUEST)
    world.published.clear()
    record = craft(text, queries_client(world, booking["id"]), most_bytes)
    healthy = replace(
        world.query(_written("get_booking", {"booking_id": booking["id"]})), partition=1
    )
    outputs = list(await world.queries.answer([healthy, record, healthy]))
    first, *others, last = outputs
    assert first == last
    assert json.loads(first.value)["status"] == 200, "a neighbour suffered"
    _check_outputs(record, others, world, parse_query(record.value))


def _check_outputs(record: Record, outputs: list[Output], world: World, read: object) -> None:
    """`outputs` are those that this record alone led to."""
    oracle.check_topics(outputs)
    oracle.check_sizes(record, outputs)
    oracle.check_traces(world)
    replies = [each for each in outputs if each.topic.startswith(oracle.PREFIX)]
    letters = [each for each in outputs if each.topic == "booking.dead-letter"]
    has_name = Headers.of(record.headers).correlation_id is not None
    is_unreadable = isinstance(read, Unreadable)
    assert len(letters) == is_unreadable
    assert len(replies) == (has_name if is_unreadable else 1)
    for reply in replies:
        oracle.check_reply(record, reply)
        assert (json.loads(reply.value)["error"] or {}).get("code") != "internal_error"
        assert not is_unreadable or json.loads(reply.value)["error"]["code"] == "unreadable"
    for letter in letters:
        oracle.check_letter(record, letter, world)
    for output in outputs:
        if output.topic == "booking.events":
            oracle.check_event(output)


def _appended(world: World, record: Record) -> Record:
    sent = world.send_bytes(record.value, partition=record.partition, headers=record.headers)
    world.log[-1] = replace(sent, key=record.key)
    return world.log[-1]


def _is_about(output: Output, command_id: UUID) -> bool:
    """Whether it came of a neighbour's command."""
    if output.topic in ("booking.events", "booking.guest-keys"):
        guest = str(STRANGER.id).encode()
        return guest in output.value or output.key == guest or output.topic.endswith("keys")
    if output.topic in (COMMANDS, "booking.dead-letter"):
        return False
    return bool(json.loads(output.value)["command_id"] == str(command_id))


def commands_client(world: World, booking_id: str) -> Client:
    """A guest with valid commands about their booking."""
    return _client(world, COMMANDS, Kind.COMMAND, booking_id)


def queries_client(world: World, booking_id: str) -> Client:
    """A guest with valid queries about their booking."""
    return _client(world, "booking.queries", Kind.QUERY, booking_id)


def _client(world: World, topic: str, kind: Kind, booking_id: str) -> Client:
    known = {
        "booking_id": booking_id,
        "venue_id": str(VENUE),
        "booking_time": TOMORROW.isoformat(),
        "guest_id": str(GUEST.id),
        "expected_version": 1,
    }
    return Client(
        topic=topic,
        messages=valid_messages(kind, known),
        authorization=bearer(GUEST),
        secret=SECRET,
        sign=lambda record: world.signer.forward_headers(
            record, Coordinates(topic, 1, 7, _AT), Guest(GUEST.id)
        ),
        timestamp_ms=_AT,
    )


def valid_messages(kind: Kind, known: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The catalogue's examples, with these fields where they have such."""
    found = {}
    for message in catalogue():
        if message.kind is kind and message.example is not None:
            example = json.loads(json.dumps(message.example, default=str))
            data = {name: known.get(name, value) for name, value in example["data"].items()}
            found[message.name] = {**example, "data": data}
    return found


def _written(type_: str, data: Mapping[str, Any]) -> bytes:
    asked = {"type": type_, "query_id": str(uuid5(VENUE, "healthy")), "data": data}
    return json.dumps(asked).encode()


def _run(work: Any) -> None:
    with capture_logs() as entries, _Heard() as heard:
        asyncio.run(work)
    oracle.check_log([*entries, *heard.records])


class _Heard(logging.Handler):
    """What the standard library's loggers are told meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())

    def __enter__(self) -> _Heard:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
