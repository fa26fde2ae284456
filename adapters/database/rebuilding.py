"""A database made whole from the events: rows in any order, the highest version stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.claims import AllClaims, ClaimTable
from adapters.database.content_digest import content_digest
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys, restored_rows
from adapters.database.rebuilt_rows import Rows, rebuilt_rows
from adapters.database.session import Session, transaction
from adapters.database.tables import (
    booking_history,
    booking_references,
    bookings,
    commands,
    guest_keys,
    idempotency_keys,
    lanes,
    outcomes,
    rebuild_progress,
    retired_commands,
)
from domain.booking import Payment, PaymentStatus, VenueType
from domain.lifecycle import ACTIVE, Status
from domain.money import Money
from domain.rules import ConflictScope, Rules
from handlers.ports import (
    DataKey,
    Gap,
    Mark,
    Rebuilt,
    ServiceKeys,
    Share,
    Unsettled,
    Whole,
    WrappedKey,
)

# The connection is set for statements on few rows.
_FOR_WHOLE_TABLES: Final = (
    "select set_config('enable_seqscan', 'on', true),"
    " set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)"
)
# What a crash of the server takes with it is read again: the progress goes too.
_WITHOUT_WAITING: Final = "select set_config('synchronous_commit', 'off', true)"
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
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._documents = documents
        self._claim_table = claim_table
        self._merge = {
            bookings: documents.insert(
                bookings,
                leaving_out=["sweep_attempt"],
                conflict="(id) do update set "
                + ", ".join(
                    f"{each.name} = excluded.{each.name}"
                    for each in bookings.c
                    if each.name not in {"id", "sweep_attempt"}
                )
                + " where bookings.version < excluded.version",
            ),
            **{
                table: documents.insert(table, conflict="do nothing")
                for table in (guest_keys, booking_references, booking_history, commands, outcomes)
            },
            idempotency_keys: documents.insert(
                idempotency_keys,
                conflict="(key_id) do update set row_id = excluded.row_id,"
                " request_hash = excluded.request_hash, taken_at = excluded.taken_at,"
                " expires_at = excluded.expires_at"
                " where idempotency_keys.taken_at < excluded.taken_at",
            ),
        }
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
            await self._without_waiting(session)
            await self._written(session, {guest_keys: restored_rows(keys)})
            await self._guest_keys.bury(session, keys, gone, datetime.now(UTC))

    async def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, DataKey]:
        async with transaction(self._engine, self._documents) as session:
            return await self._guest_keys.by_id(session, key_ids)

    async def write(
        self, rebuilt: Sequence[Rebuilt], topic: str, reached: Mapping[int, int]
    ) -> None:
        progress: list[dict[str, object]] = [
            {"topic": topic, "partition": partition, "next_offset": offset}
            for partition, offset in reached.items()
        ]
        rows = rebuilt_rows(rebuilt)
        async with transaction(self._engine, self._documents) as session:
            await self._without_waiting(session)
            if self._is_postgresql:
                await self._merged(session, rows.later)
                await self._written(session, rows.fresh)
            else:
                await self._merged(session, rows.all)
            await session.run(self._write_progress, progress)

    async def _without_waiting(self, session: Session) -> None:
        if self._is_postgresql:
            await session.run(text(_WITHOUT_WAITING))

    async def _written(self, session: Session, rows: Rows) -> None:
        """COPY costs less than a merge (decision 0140), but it stops at the first row that is there
        already: when a record comes again, all are merged.
        """
        if not (self._is_postgresql and await session.copy(rows)):
            await self._merged(session, rows)

    async def _merged(self, session: Session, rows: Rows) -> None:
        for table, each in rows.items():
            await session.run(self._merge[table], each)

    async def claim(self, rules: Rules, share: Share) -> Sequence[UUID]:
        one_by_one = [each for each in VenueType if rules.scope(each) is ConflictScope.UNIT]
        async with transaction(self._engine, self._documents) as session:
            await self._for_whole_tables(session)
            await self._without_waiting(session)
            asked = AllClaims([each.value for each in one_by_one], sorted(ACTIVE), share)
            return await self._claim_table.claim_all(session, asked)

    async def whole(self) -> Whole:
        async with transaction(self._engine, self._documents) as session:
            await self._for_whole_tables(session)
            return Whole(
                bookings=await _by_status(session),
                commands=await _count(session, commands),
                keys=await _count(session, idempotency_keys),
                gaps=await _gaps(session),
                unsettled=await _unsettled(session),
                digest=await content_digest(session, in_sql=self._is_postgresql),
            )

    async def finish(self, commands_topic: str, marks: Mapping[int, Mark]) -> None:
        rows: list[dict[str, object]] = [
            {
                "topic": commands_topic,
                "partition": partition,
                "epoch": 1,
                "mark_offset": mark.offset,
                "mark_timestamp_ms": mark.timestamp_ms,
            }
            for partition, mark in marks.items()
        ]
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._write_marks, rows)
            await session.run(rebuild_progress.delete())

    async def _for_whole_tables(self, session: Session) -> None:
        if self._is_postgresql:
            await session.run(text(_FOR_WHOLE_TABLES))


async def _by_status(session: Session) -> Mapping[str, int]:
    status = bookings.c.status
    rows = await session.run(select(status, func.count().label("found")).group_by(status))
    return {row.status: row.found for row in rows}


async def _unsettled(session: Session) -> list[Unsettled]:
    found = bookings.c
    rows = await session.run(
        select(
            *(found.booking_reference, found.status, found.payment_status, found.currency),
            *(found.amount_paid, found.amount_refunded),
        )
        .where(found.status.in_(_ENDED), found.amount_paid != found.amount_refunded)
        .order_by(found.id)
    )
    told = []
    for row in rows:
        paid, back = Money(row.amount_paid, row.currency), Money(row.amount_refunded, row.currency)
        kept = Payment(None, PaymentStatus(row.payment_status), paid, back).kept
        if not kept.is_zero:  # SQLite's amounts are text, and so may differ and be equal
            text_ = f"{kept.text()} {kept.currency}"
            told.append(Unsettled(row.booking_reference, row.status, text_))
    return told


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
