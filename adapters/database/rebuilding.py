"""A database made whole from the events: rows in any order, the highest version stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.booking_rows import (
    booking_of,
    booking_row,
    open_row,
    opened_reason,
    sealed_reason,
)
from adapters.database.claims import Claim, ClaimTable
from adapters.database.command_rows import command_row
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.session import Session, transaction
from adapters.database.tables import (
    booking_history,
    booking_references,
    bookings,
    commands,
    idempotency_keys,
    lanes,
    outcomes,
    rebuild_progress,
    retired_commands,
)
from domain.booking import Booking
from domain.effects import ClaimSlot
from domain.lifecycle import ACTIVE, Status
from domain.rules import ConflictScope, Rules
from handlers.ports import (
    DataKey,
    Gap,
    KeyClaim,
    Mark,
    Rebuilt,
    ServiceKeys,
    Unsettled,
    Whole,
    WrappedKey,
)
from schemas.sealed import PersonalPart

# The connection is set for a worker's short statements on few rows.
_FOR_WHOLE_TABLES: Final = (
    "select set_config('statement_timeout', '0', true), set_config('enable_seqscan', 'on', true),"
    " set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)"
)
_PAGE: Final = 1_000
_CLAIMS: Final = UUID("5b8f3c1e-6f0a-5c3b-9b6e-2f0f6f0f5a01")
_ENDED: Final = (Status.CANCELLED, Status.EXPIRED)


class SqlRebuildRows:
    """Implements handlers.ports.RebuildRows."""

    def __init__(
        self,
        engine: AsyncEngine,
        documents: Documents,
        claim_table: ClaimTable,
        service_keys: ServiceKeys,
    ) -> None:
        self._guest_keys = GuestKeys(documents, service_keys)
        self._engine = engine
        self._documents = documents
        self._claim_table = claim_table
        self._write_bookings = documents.insert(
            bookings,
            leaving_out=["sweep_attempt"],
            conflict="(id) do update set "
            + ", ".join(
                f"{each.name} = excluded.{each.name}"
                for each in bookings.c
                if each.name not in {"id", "sweep_attempt"}
            )
            + " where bookings.version < excluded.version",
        )
        self._write_history = documents.insert(booking_history, conflict="do nothing")
        self._write_commands = documents.insert(commands, conflict="do nothing")
        self._write_outcomes = documents.insert(outcomes, conflict="do nothing")
        self._write_references = documents.insert(booking_references, conflict="do nothing")
        self._write_keys = documents.insert(
            idempotency_keys,
            conflict="(key_id) do update set row_id = excluded.row_id,"
            " request_hash = excluded.request_hash, taken_at = excluded.taken_at,"
            " expires_at = excluded.expires_at"
            " where idempotency_keys.taken_at < excluded.taken_at",
        )
        self._write_progress = documents.insert(
            rebuild_progress,
            conflict="(topic, partition) do update set next_offset = excluded.next_offset",
        )
        self._write_marks = documents.insert(
            lanes,
            conflict="(topic, partition) do update set mark_offset = excluded.mark_offset,"
            " mark_timestamp_ms = excluded.mark_timestamp_ms, in_hand_until = null",
        )

    async def is_empty(self) -> bool:
        async with transaction(self._engine, self._documents) as session:
            for table in (bookings, commands, retired_commands):
                if await session.run(select(text("1")).select_from(table).limit(1)):
                    return False
        return True

    async def progress(self, topic: str) -> Mapping[int, int]:
        async with transaction(self._engine, self._documents) as session:
            rows = await session.run(
                select(rebuild_progress).where(rebuild_progress.c.topic == topic)
            )
        return {row.partition: row.next_offset for row in rows}

    async def write_keys(self, keys: Sequence[WrappedKey], gone: Collection[UUID]) -> None:
        async with transaction(self._engine, self._documents) as session:
            await self._guest_keys.restore(session, keys, gone, datetime.now(UTC))

    async def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, DataKey]:
        async with transaction(self._engine, self._documents) as session:
            return await self._guest_keys.by_id(session, key_ids)

    async def write(
        self, rebuilt: Sequence[Rebuilt], topic: str, reached: Mapping[int, int]
    ) -> None:
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._write_bookings, _bookings(rebuilt))
            await session.run(self._write_history, _history(rebuilt))
            await session.run(self._write_commands, [command_row(r.start) for r in _each(rebuilt)])
            await session.run(self._write_outcomes, [_outcome_row(r) for r in _each(rebuilt)])
            await session.run(self._write_references, _references(rebuilt))
            await session.run(self._write_keys, _keys(rebuilt))
            await session.run(
                self._write_progress,
                [
                    {"topic": topic, "partition": partition, "next_offset": offset}
                    for partition, offset in reached.items()
                ],
            )

    async def finish(self, rules: Rules, commands_topic: str, marks: Mapping[int, Mark]) -> Whole:
        async with transaction(self._engine, self._documents) as session:
            if self._engine.dialect.name == "postgresql":
                await session.run(text(_FOR_WHOLE_TABLES))
            seen = await self._claim_all(session, rules)
            await session.run(
                self._write_marks,
                [
                    {
                        "topic": commands_topic,
                        "partition": partition,
                        "epoch": 1,
                        "mark_offset": mark.offset,
                        "mark_timestamp_ms": mark.timestamp_ms,
                    }
                    for partition, mark in marks.items()
                ],
            )
            await session.run(rebuild_progress.delete())
            return Whole(
                bookings=dict(seen.by_status),
                commands=await _count(session, commands),
                keys=await _count(session, idempotency_keys),
                gaps=await _gaps(session),
                overlapping=seen.overlapping,
                unsettled=seen.unsettled,
                digest=await self._with_history(session, seen.digest),
            )

    async def _with_history(self, session: Session, digest: Any) -> str:
        found = booking_history.c
        rows = await session.run(select(booking_history).order_by(found.booking_id, found.version))
        keys = await self._guest_keys.opening(session, (row.reason for row in rows))
        for row in rows:
            content = row._asdict() | {"reason": opened_reason(row, keys)}
            digest.update(repr(tuple(content.values())).encode())
        return str(digest.hexdigest())

    async def _claim_all(self, session: Session, rules: Rules) -> _Seen:
        """Claims for every active booking, and what else is to be told of each."""
        seen = _Seen()
        async for page in _pages(session):
            keys = await self._guest_keys.opening(session, (row.personal for row in page))
            found = [booking_of(row, keys) for row in page]
            for booking in found:
                seen.note(booking)
            claims = [
                _claim(booking)
                for booking in found
                if booking.status in ACTIVE
                and rules.scope(booking.venue.type) is ConflictScope.UNIT
            ]
            held = await self._claim_table.insert(session, claims)
            seen.overlapping += [c.booking_id for _, c in claims if c.claim_id not in held]
        return seen


class _Seen:
    """What the pass over all bookings finds."""

    def __init__(self) -> None:
        self.by_status: Counter[str] = Counter()
        self.overlapping: list[UUID] = []
        self.unsettled: list[Unsettled] = []
        self.digest = sha256()

    def note(self, booking: Booking) -> None:
        self.by_status[booking.status.value] += 1
        content = open_row(booking) | PersonalPart.of(booking).shown()
        self.digest.update(repr(sorted(content.items())).encode())
        kept = booking.payment.kept
        if booking.status in _ENDED and not kept.is_zero:
            self.unsettled.append(
                Unsettled(booking.reference, booking.status.value, f"{kept.text()} {kept.currency}")
            )


def _claim(booking: Booking) -> Claim:
    id_ = uuid5(_CLAIMS, f"{booking.id}/{booking.version}")
    claim = ClaimSlot(id_, booking.id, booking.venue.id, booking.hold.item, booking.slot)
    return booking.id, claim


def _bookings(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    """One row a booking: a statement cannot touch one twice."""
    latest: dict[UUID, Rebuilt] = {}
    for each in rebuilt:
        standing = latest.get(each.booking.id)
        if standing is None or standing.booking.version < each.booking.version:
            latest[each.booking.id] = each
    return [booking_row(each.booking, each.data_key) for each in latest.values()]


def _each(rebuilt: Sequence[Rebuilt]) -> list[Rebuilt]:
    return list({each.start.row_id: each for each in rebuilt}.values())


def _history(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    return [
        {
            "booking_id": each.booking.id,
            "version": each.booking.version,
            "from_status": each.history.from_status,
            "to_status": each.history.to_status,
            "changed_by": each.history.changed_by,
            "reason": sealed_reason(
                each.booking.id, each.booking.version, each.history.reason, each.data_key
            ),
            "created_at": each.booking.updated_at,
        }
        for each in rebuilt
        if each.history is not None
    ]


def _outcome_row(each: Rebuilt) -> dict[str, object]:
    return {
        "row_id": each.start.row_id,
        "status": each.outcome.status,
        "code": each.outcome.code,
        "reply": each.outcome.reply,
        "sealed": each.outcome.sealed,
        "events": each.outcome.events,
        "replayed_from": None,
        "journal": "[]",
        "recorded_at": each.recorded_at,
    }


def _references(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    found = {each.booking.id: each.booking.reference for each in rebuilt}
    return [{"booking_id": id_, "reference": reference} for id_, reference in found.items()]


def _keys(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    found: dict[UUID, KeyClaim] = {}
    for each in rebuilt:
        if (key := each.key) is not None:
            standing = found.get(key.key_id)
            if standing is None or standing.sent < key.sent:
                found[key.key_id] = key
    return [
        {
            "key_id": key.key_id,
            "row_id": key.row_id,
            "request_hash": key.request_hash,
            "taken_at": key.sent,
            "expires_at": key.expires_at,
        }
        for key in found.values()
    ]


async def _pages(session: Session) -> AsyncIterator[Sequence[Row[Any]]]:
    after: UUID | None = None
    while True:
        query = select(bookings).order_by(bookings.c.id).limit(_PAGE)
        page = await session.run(query if after is None else query.where(bookings.c.id > after))
        if not page:
            return
        yield page
        after = page[-1].id


async def _count(session: Session, table: Any) -> int:
    ((count,),) = await session.run(select(func.count()).select_from(table))
    return int(count)


async def _gaps(session: Session) -> list[Gap]:
    """Every version has its command; fewer commands than versions means that events are missing."""
    found = func.count(commands.c.row_id)
    rows = await session.run(
        select(bookings.c.id, bookings.c.version, found.label("found"))
        .join(commands, commands.c.booking_id == bookings.c.id)
        .group_by(bookings.c.id, bookings.c.version)
        .having(found != bookings.c.version)
        .order_by(bookings.c.id)
    )
    return [Gap(row.id, row.version, row.found) for row in rows]
