"""What the worker sends to database, partners and Kafka for one create, as a pattern for any other.

`python -m bench.recording COMMANDS` runs the worker's own handlers on creates, one by one, under
the worker's own settings, and prints what they did as JSON lines. The floor does the same with
other ids.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Any
from uuid import UUID

import msgspec
import orjson
from sqlalchemy import Engine, event

from adapters.database.database import open_database
from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS, TopicNames
from adapters.partners import HttpPartners
from adapters.partners.inventory import INVENTORY
from adapters.partners.payment import PAYMENT
from adapters.partners.pricing import PRICING
from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import SharedSecret
from adapters.tokens.service_signature import ServiceSignature
from app.settings import Settings, load
from app.wiring import service_keys
from bench.load import Message
from domain.effects import PartnerAnswer, PartnerCall
from domain.limits import NO_LIMITS
from handlers.audit import Auditor
from handlers.commands import CommandHandlers
from handlers.dead_letter import DeadLetters
from handlers.intake import Intake
from handlers.ports import Held, LaneDatabase, Partners, Record
from handlers.record import Recorder
from handlers.routes import ReplyRoutes


class Statement(msgspec.Struct, frozen=True):
    """SQL as the driver gets it, and the rows of its one document, each as JSON."""

    sql: str
    rows: tuple[str, ...]


class Call(msgspec.Struct, frozen=True):
    """A request to a partner."""

    partner: str
    path: str
    key: str
    body: str


class Output(msgspec.Struct, frozen=True):
    """A record that is published; `topic` without its prefix."""

    topic: str
    key: str
    value: str
    headers: tuple[tuple[str, str], ...]


class Pattern(msgspec.Struct, frozen=True):
    """One create: its transactions in order, its calls in rounds, its outputs."""

    booking_reference: str
    transactions: tuple[tuple[Statement, ...], ...]
    rounds: tuple[tuple[Call, ...], ...]
    outputs: tuple[Output, ...]


async def recorded(creates: Sequence[Message], environment: Mapping[str, str]) -> list[Pattern]:
    """Each create's pattern, taken in a process that has the worker's environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.recording"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **environment},
    )
    printed, _ = await process.communicate(msgspec.json.encode(list(creates)))
    if process.returncode != 0:
        raise RuntimeError("the recording failed")
    return msgspec.json.decode(printed, type=list[Pattern])


@dataclass(slots=True)
class _Tape:
    """What goes out while one create is done."""

    transactions: list[list[Statement]] = field(default_factory=list)
    rounds: list[list[Call]] = field(default_factory=list)
    _calling: bool = False

    def begin(self) -> None:
        self.transactions.append([])
        self._calling = False

    def statement(self, sql: str, parameters: tuple[Any, ...]) -> None:
        (document,) = parameters
        rows = tuple(orjson.dumps(row).decode() for row in orjson.loads(document))
        self.transactions[-1].append(Statement(sql, rows))

    def call(self, call: Call) -> None:
        if not self._calling:
            self.rounds.append([])
        self._calling = True
        self.rounds[-1].append(call)


class _TapedPartners:
    """Notes each call on its way."""

    def __init__(self, partners: HttpPartners, tape: _Tape) -> None:
        self._partners = partners
        self._tape = tape

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        for partner, table in (
            ("inventory", INVENTORY),
            ("pricing", PRICING),
            ("payment", PAYMENT),
        ):
            exchange = table.get(type(call))
            if exchange is not None and exchange.body is not None:
                body = msgspec.json.encode(exchange.body(call)).decode()
                self._tape.call(Call(partner, exchange.path_of(call), call.key, body))
        return await self._partners.call(call, trace)


class _TwelvePartitions:
    """Topics that are all there; nothing is published here."""

    def partitions_of(self, topic: str) -> int | None:
        return PARTITIONS if topic else None


async def _record(creates: Sequence[Message], settings: Settings) -> list[Pattern]:
    database = open_database(settings.database, service_keys(settings.seal_keys))
    try:
        async with HttpPartners(settings.inventory, settings.pricing, settings.payment) as partners:
            return [
                await _one(create, offset, settings, partners, database.lanes)
                for offset, create in enumerate(creates)
            ]
    finally:
        await database.close()


async def _one(
    create: Message, offset: int, settings: Settings, partners: HttpPartners, lanes: Any
) -> Pattern:
    topic = TopicNames(settings.kafka.topic_prefix).commands
    partition = home_partition(create.key, PARTITIONS)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    record = Record(
        topic, partition, offset, now_ms, create.key, create.value, tuple(create.headers)
    )
    epoch = (await lanes.open_lane(topic, partition)).epoch
    tape = _Tape()

    def begun(_connection: Any) -> None:
        tape.begin()

    def executed(_c: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        tape.statement(sql, parameters)

    event.listen(Engine, "begin", begun)
    event.listen(Engine, "before_cursor_execute", executed)
    try:
        handlers = handlers_of(settings, _TapedPartners(partners, tape), lanes)
        answer = await handlers.process([record], {partition: Held(epoch)})
    finally:
        event.remove(Engine, "begin", begun)
        event.remove(Engine, "before_cursor_execute", executed)
    outputs = [
        Output(
            out.topic.removeprefix(settings.kafka.topic_prefix + "."),
            (out.key or b"").decode(),
            out.value.decode(),
            tuple((name, value.decode()) for name, value in out.headers),
        )
        for out in answer[partition]
    ]
    reply = orjson.loads(outputs[0].value)
    if reply["status"] != 201:
        raise RuntimeError(f"expected a booking to record, got {reply['error']}")
    return Pattern(
        reply["data"]["booking_reference"],
        tuple(tuple(statements) for statements in tape.transactions),
        tuple(tuple(calls) for calls in tape.rounds),
        tuple(outputs),
    )


def handlers_of(settings: Settings, partners: Partners, lanes: LaneDatabase) -> CommandHandlers:
    """The worker's own, under its own settings but for limits."""
    if settings.auth.secret is None:
        raise RuntimeError("expected the benchmark's own secret for tokens")
    names = TopicNames(settings.kafka.topic_prefix)
    signer = ServiceSignature(*settings.signing_keys)
    sealing = service_keys(settings.seal_keys)
    letters = DeadLetters(names.dead_letter, signer, sealing)
    keys = SharedSecret(settings.auth.secret)
    authenticator = TokenAuthenticator(keys, issuer=None, audience=None)
    auditor = Auditor(settings.audit_keys)
    routes = ReplyRoutes(names.prefix, settings.reply_prefixes, _TwelvePartitions())
    return CommandHandlers(
        intake=Intake(authenticator, signer, routes, letters, _now),
        database=lanes,
        partners=partners,
        recorder=Recorder(names.prefix, settings.rules, sealing, letters, auditor),
        signer=signer,
        home_of=home_of,
        rules=settings.rules,
        limits=NO_LIMITS,  # counting is logic, which the floor has none of
        clock=_now,
        milliseconds=lambda: time_ns() // 1_000_000,
    )


def home_of(venue_id: UUID) -> int:
    """The venue's partition."""
    return home_partition(str(venue_id).encode(), PARTITIONS)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Message])
    patterns = asyncio.run(_record(asked, load()))
    sys.stdout.buffer.write(msgspec.json.encode(patterns))
