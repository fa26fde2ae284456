"""The pipeline between a log of records and fakes: commands go in, and everything comes out.

`send` appends to the log as a client would, `deliver` does what the Kafka side does: one batch from
where each partition was committed, its outputs published together with the offsets, or neither.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid5

import jwt

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import SharedSecret
from adapters.tokens.service_signature import ServiceSignature
from domain.booking import Booking
from domain.effects import PartnerCall
from domain.limits import NO_LIMITS, Limits
from domain.principal import Admin, Business, Guest, Principal
from domain.rules import Fallback, Rules
from handlers.audit import Auditor
from handlers.audit_chain import ChainKeys
from handlers.availability import AvailabilityChecks
from handlers.commands import CommandHandlers
from handlers.dead_letter import DeadLetters
from handlers.intake import Intake
from handlers.limits import UsesOfQueries
from handlers.partner_answers import FreshAnswers
from handlers.ports import (
    AuditRow,
    DataKey,
    Held,
    LaneState,
    LaneTransaction,
    Mark,
    Output,
    Record,
    Resting,
    Stage,
)
from handlers.queries import QueryHandlers
from handlers.record import Recorder
from handlers.redrive import Letter, read_letter
from handlers.routes import ReplyRoutes
from handlers.sealing import KeyTopic
from handlers.sweeper import Sweeper
from handlers.watch import UNWATCHED
from tests.fakes.database import FakeDatabase
from tests.fakes.keys import left
from tests.fakes.partners import FakePartners
from tests.handlers.onlookers import Onlookers

NOW: Final = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
COMMANDS: Final = "booking.commands"
AUDIT_KEYS: Final = ChainKeys({"k1": b"a" * 32})
SECRET: Final = "a secret that has at least 32 bytes"
PARTITIONS: Final = 3

VENUES: Final = tuple(UUID(f"00000000-0000-4000-8000-0000000b000{n}") for n in range(PARTITIONS))
VENUE, ELSEWHERE, FAR_AWAY = VENUES
GUEST: Final = Guest(UUID("00000000-0000-4000-8000-0000000000a1"))
STRANGER: Final = Guest(UUID("00000000-0000-4000-8000-0000000000a2"))
STAFF: Final = Business("staff-1", frozenset(VENUES))
STAFF_OF_NOBODY: Final = Business("staff-2", frozenset())
ADMIN: Final = Admin("admin-1")

HeaderList = Sequence[tuple[str, bytes | None]]


def home_of(venue_id: UUID) -> int:
    """VENUE lives on partition 0, ELSEWHERE on 1, FAR_AWAY on 2."""
    return venue_id.int % PARTITIONS if venue_id not in VENUES else VENUES.index(venue_id)


class Crash(BaseException):
    """The process is gone: nothing catches it, and nothing of what was open is finished."""


@lru_cache(maxsize=64)
def bearer(principal: Principal, expires: datetime = NOW + timedelta(days=30)) -> bytes:
    claims: dict[str, Any]
    match principal:
        case Guest(id=guest_id):
            claims = {"role": "guest", "sub": str(guest_id)}
        case Business(id=name, venue_ids=venues):
            claims = {"role": "staff", "sub": name, "venue_ids": sorted(map(str, venues))}
        case other:
            claims = {"role": "admin", "sub": other.label}
    issued = int((NOW - timedelta(days=1)).timestamp())
    times = {"iat": issued, "exp": int(expires.timestamp())}
    token = jwt.encode({"type": "access", **claims, **times}, SECRET, "HS256")
    return b"Bearer " + token.encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as its client reads it."""

    output: Output

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.output.value)  # type: ignore[no-any-return]

    @property
    def headers(self) -> dict[str, bytes]:
        assert len({name for name, _ in self.output.headers}) == len(self.output.headers)
        return dict(self.output.headers)

    @property
    def status(self) -> int:
        return int(self.body["status"])

    @property
    def code(self) -> str | None:
        error = self.body["error"]
        return error["code"] if error else None

    @property
    def booking(self) -> dict[str, Any]:
        assert self.body["error"] is None, self.body["error"]
        return self.body["data"]  # type: ignore[no-any-return]

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("replayed") == b"true"


@dataclass(slots=True)
class Points:
    """Every moment at which a process may die; `crash_at` says at which it does, from 1."""

    seen: list[str] = field(default_factory=list)
    crash_at: int | None = None

    def pass_by(self, what: str) -> None:
        self.seen.append(what)
        if len(self.seen) == self.crash_at:
            raise Crash(what)


@dataclass(slots=True)
class WatchedDatabase:
    """The fake database, with a point before and after each commit."""

    inner: FakeDatabase
    points: Points
    before_transaction: Callable[[int], None] = lambda number: None
    count: int = 0

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        return await self.inner.open_lane(topic, partition)

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        await self.inner.rest(topic, lanes)

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(self, topic: str, epochs: Mapping[int, int]):  # type: ignore[no-untyped-def]
        self.count += 1
        self.before_transaction(self.count)
        async with self.inner.transaction(topic, epochs) as transaction:
            yield transaction
            self.points.pass_by("before commit")
        self.points.pass_by("after commit")


class FakeTopics:
    """Implements Topics: what there is, and nothing else."""

    def __init__(self) -> None:
        self.known = {COMMANDS: PARTITIONS, "booking.replies": 4, "booking.replies.shop": 2}

    def partitions_of(self, topic: str) -> int | None:
        return self.known.get(topic)


class World:
    """One worker with its lanes, or several that follow each other."""

    def __init__(
        self,
        rules: Rules | None = None,
        partners: FakePartners | None = None,
        limits: Limits = NO_LIMITS,
        onlookers: Onlookers | None = None,
    ) -> None:
        """`onlookers`: who looks on, and hears what the Kafka side tells them."""
        self.watch = onlookers.of_commands(self._clock) if onlookers else UNWATCHED
        self.rules = rules or Rules(fallback=Fallback(is_allowed=False))
        self.partners = partners or FakePartners()
        self.database = FakeDatabase()
        self.database.clock = self._clock
        self.points = Points()
        self.watched = WatchedDatabase(self.database, self.points)
        self.partners.on_call = self._on_call
        self.signer = ServiceSignature(b"k" * 32)
        self.topics = FakeTopics()
        self.now = NOW
        self.log: list[Record] = []
        self.committed: defaultdict[int, int] = defaultdict(int)
        self.told: dict[int, Mark] = {}  # with the committed offset
        self.lanes: dict[int, Held] = {}
        self.published: list[Output] = []
        self.sweeps = 0
        self.queried = 0
        authenticator = TokenAuthenticator(SharedSecret(SECRET))
        routes = ReplyRoutes("booking", (), self.topics)
        sealing = self.database.service_keys
        letters = DeadLetters("booking.dead-letter", self.signer, sealing)
        auditor = Auditor(AUDIT_KEYS)
        asked = onlookers.partners(self.partners) if onlookers else self.partners
        self.handlers = CommandHandlers(
            intake=Intake(authenticator, self.signer, routes, letters, self._clock, self.watch),
            database=self.watched,
            partners=asked,
            recorder=Recorder("booking", self.rules, sealing, letters, auditor),
            signer=self.signer,
            home_of=home_of,
            rules=self.rules,
            limits=limits,
            clock=self._clock,
            milliseconds=lambda: int(self.now.timestamp() * 1000),
            watch=self.watch,
        )
        self.queries = QueryHandlers(
            authenticator=authenticator,
            routes=routes,
            letters=letters,
            reads=self.database.reads,
            availability=AvailabilityChecks(
                self.database.reads, FreshAnswers(asked, self._clock), self.rules, self._clock
            ),
            limits=limits,
            uses=UsesOfQueries(self.database.counts),
            auditor=auditor,
            audit=self.database.audit,
            clock=self._clock,
            watch=onlookers.of_queries(self._clock) if onlookers else UNWATCHED,
        )

    # --- what clients do ---

    def send(
        self,
        type_: str,
        data: Any,
        *,
        by: Principal | None = GUEST,
        command_id: UUID | None = None,
        key: str | None = None,
        partition: int | None = None,
        headers: HeaderList = (),
        token: bytes | None = None,
        **extra: Any,
    ) -> UUID:
        """Append a command to the log; gives its id."""
        command_id = command_id or uuid5(VENUE, f"command/{len(self.log)}")
        message = {"type": type_, "command_id": str(command_id), "data": data, **extra}
        if key is not None:
            message["idempotency_key"] = key
        authorization = token or (bearer(by) if by else None)
        if authorization is not None:
            headers = [("authorization", authorization), *headers]
        self.send_bytes(json.dumps(message).encode(), partition=partition or 0, headers=headers)
        return command_id

    def create(self, *, partition: int | None = None, **fields: Any) -> UUID:
        """A table for two tomorrow; fields of the data, or of `send`."""
        mine = {name: fields.pop(name) for name in list(fields) if name in _SENDING}
        data = a_create(**fields)
        home = home_of(UUID(data["venue_id"]))
        return self.send(
            "create_booking", data, partition=home if partition is None else partition, **mine
        )

    def update(self, booking: Mapping[str, Any], **fields: Any) -> UUID:
        data = {"expected_version": booking["version"]}
        return self._about("update_booking", booking, data, fields)

    def cancel(self, booking: Mapping[str, Any], **fields: Any) -> UUID:
        return self._about("cancel_booking", booking, {}, fields)

    def move(self, booking: Mapping[str, Any], status: str, **fields: Any) -> UUID:
        return self._about("update_booking_status", booking, {"status": status}, fields)

    def _about(
        self, type_: str, booking: Mapping[str, Any], data: dict[str, Any], fields: dict[str, Any]
    ) -> UUID:
        mine = {name: fields.pop(name) for name in list(fields) if name in _SENDING}
        mine.setdefault("partition", home_of(UUID(booking["venue_id"])))
        return self.send(type_, {"booking_id": booking["id"], **data, **fields}, **mine)

    def send_bytes(
        self, value: bytes | None, *, partition: int = 0, headers: HeaderList = ()
    ) -> Record:
        at = int(self.now.timestamp() * 1000)
        offset = sum(record.partition == partition for record in self.log)
        record = Record(COMMANDS, partition, offset, at, b"key", value, tuple(headers))
        self.log.append(record)
        return record

    # --- what the Kafka side does ---

    async def deliver(
        self, *, abort: bool = False, at_most: int | None = None, alone: bool = False
    ) -> dict[int, Sequence[Output]]:
        """One batch; `abort`: the database has it, Kafka's transaction is lost."""
        batch = [r for r in self.log if r.offset >= self.committed[r.partition]][:at_most]
        if not batch:
            return {}
        for partition in sorted({record.partition for record in batch} - self.lanes.keys()):
            await self.open(partition)
        mine = {r.partition: self.lanes[r.partition] for r in batch}
        try:
            outputs = dict(await self.handlers.process(batch, mine, alone=alone))
        except BaseException:
            self.lanes.clear()
            self.watch.comes_again(mine)
            raise
        self.watch.at(Stage.PUBLISH)
        if abort:
            self.lanes.clear()
            self.watch.comes_again(mine)
            return outputs
        for lost in mine.keys() - outputs.keys():
            del self.lanes[lost]
        for record in batch:
            if record.partition in outputs:
                self._commit(record)
        for published in outputs.values():
            self._publish(published)
        self.watch.published(outputs)
        return outputs

    async def open(self, partition: int) -> None:
        """Open a lane, as the first batch for it does."""
        state = await self.database.open_lane(COMMANDS, partition)
        mark, told = state.mark, self.told.get(partition)
        self.lanes[partition] = Held(state.epoch, mark.risen_to(told) if mark else told)

    def _commit(self, record: Record) -> None:
        lane = self.lanes[record.partition]
        reached = Mark(record.offset + 1, record.timestamp_ms)
        mark = lane.mark.risen_to(reached) if lane.mark else reached
        self.lanes[record.partition] = Held(lane.epoch, mark)
        self.committed[record.partition] = record.offset + 1
        self.told[record.partition] = mark

    async def rest(self) -> None:
        """A graceful end: every lane writes how far it came, and is closed."""
        resting = {p: Resting(lane.epoch, lane.mark, None) for p, lane in self.lanes.items()}
        await self.database.rest(COMMANDS, resting)
        self.lanes.clear()

    async def rewind(self) -> None:
        """The group is set back to the beginning, as an operator does it: while nobody works."""
        await self.rest()
        self.committed.clear()
        self.told.clear()

    async def settle(self) -> None:
        """Batches until the log is empty."""
        while await self.deliver():
            pass

    async def sweep(self) -> int:
        """One look of a sweeper that knows nothing of former ones."""
        return await self.sweeper().sweep(self.now)

    def sweeper(self) -> Sweeper:
        key_topic, keys = KeyTopic("booking.guest-keys"), self.database.keys
        return Sweeper(self.database.due, self, self.signer, COMMANDS, home_of, keys, key_topic)

    def guests_keys(self) -> Mapping[UUID, DataKey]:
        """Those that are left, by their ids."""
        service, rows = self.database.service_keys, self.database.tables.guest_keys
        return {
            key.id: service.unwrapped(key.id, key.guest_id, key.wrapped)
            for key in left(rows, list(rows)).values()
        }

    def opened(self, letter: Output) -> bytes:
        """What its record held."""
        record = Record(letter.topic, 0, 0, 1, letter.key, letter.value, letter.headers)
        value = self.read_letter(record).record.value
        assert value is not None, "it cannot be opened"
        return value

    def read_letter(self, record: Record) -> Letter:
        return read_letter(record, self.signer, self.database.service_keys, self.guests_keys())

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Implements Publisher."""
        self._publish(outputs)

    def forget(self, *records: Record) -> None:
        """Records that will never be delivered again: retention, or a forward that was reset."""
        for record in records:
            self.committed[record.partition] = record.offset + 1

    def publish_again(self) -> None:
        """A copy of the last record, as a producer makes it that is not sure of its first try."""
        last = self.log[-1]
        assert last.value is not None
        self.send_bytes(last.value, partition=last.partition, headers=last.headers)

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def _publish(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self.published.append(output)
            if output.topic == COMMANDS:
                assert output.partition is not None, "a command of ours names its partition"
                self.send_bytes(output.value, partition=output.partition, headers=output.headers)
                self.log[-1] = replace(self.log[-1], key=output.key)

    def _clock(self) -> datetime:
        return self.now

    async def _on_call(self, when: str, call: PartnerCall) -> None:
        self.points.pass_by(f"{when} {type(call).__name__}")

    # --- what is looked at ---

    def to(self, topic: str) -> list[Output]:
        return [output for output in self.published if output.topic == topic]

    @property
    def replies(self) -> list[Reply]:
        return [Reply(o) for o in self.published if o.topic.startswith("booking.replies")]

    def replies_to(self, command_id: UUID) -> list[Reply]:
        asked = str(command_id).encode()
        return [reply for reply in self.replies if reply.headers["correlation_id"] == asked]

    def reply_to(self, command_id: UUID) -> Reply:
        (reply,) = self.replies_to(command_id)
        return reply

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(output.value) for output in self.to("booking.events")]

    @property
    def event_types(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    def audited(self, kind: str | None = None) -> list[AuditRow]:
        """The audit log's entries, chain by chain."""
        rows = [row for _, row in sorted(self.database.tables.audit.items())]
        return [row for row in rows if kind in (None, row["kind"])]

    @property
    def bookings(self) -> dict[UUID, Booking]:
        return self.database.tables.bookings

    async def booked(self, **fields: Any) -> dict[str, Any]:
        """A booking that stands, as its client was told."""
        asked = self.create(**fields)
        await self.settle()
        return self.reply_to(asked).booking

    async def ask(
        self, type_: str, data: Any, *, by: Principal | None = GUEST, headers: HeaderList = ()
    ) -> Reply:
        """The reply to one query."""
        value = {"type": type_, "query_id": str(uuid5(VENUE, "query")), "data": data}
        (output,) = await self.queries.answer([self.query(json.dumps(value).encode(), by, headers)])
        self.queries.watch.published([0])
        return Reply(output)

    def query(
        self, value: bytes | None, by: Principal | None = GUEST, headers: HeaderList = ()
    ) -> Record:
        authorization = [("authorization", bearer(by))] if by else []
        at = int(self.now.timestamp() * 1000)
        offset, self.queried = self.queried, self.queried + 1
        return Record("booking.queries", 0, offset, at, None, value, (*authorization, *headers))


_SENDING = frozenset({"by", "command_id", "key", "headers", "token", "partition"})
TOMORROW: Final = NOW + timedelta(days=1)


def a_create(**fields: Any) -> dict[str, Any]:
    """The data of a create; None leaves a field out, `hour` counts from tomorrow's noon."""
    data: dict[str, Any] = {
        "venue_id": VENUE,
        "venue_type": "restaurant",
        "booking_time": TOMORROW,
        "party_size": 2,
    } | fields
    if "hour" in data:
        data["booking_time"] = TOMORROW + timedelta(hours=data.pop("hour"))
    return {name: _json(value) for name, value in data.items() if value is not None}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
