"""Transactions of the lanes: every one reads its lanes' epochs before it does anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.audit_log import AuditStatements
from adapters.database.booking_rows import booking_of
from adapters.database.claims import Claims, ClaimTable
from adapters.database.documents import Documents
from adapters.database.fence import Fence
from adapters.database.guest_keys import GuestKeys
from adapters.database.known_commands import KnownCommands
from adapters.database.lane_progress import LaneProgress
from adapters.database.recording import Recorder
from adapters.database.session import Session, transaction
from adapters.database.starting import Starting
from adapters.database.tables import bookings, undo
from adapters.database.undo_rows import opened_owed
from adapters.database.uniqueness import Uniqueness
from adapters.database.use_counts import UseCounting
from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, SlotTaken
from domain.undo import Undo
from handlers.ports import (
    AuditRow,
    Coordinates,
    Head,
    JournalEntry,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    LaneState,
    LaneTransaction,
    Mark,
    Recording,
    Resting,
    RetiredCommand,
    ServiceKeys,
    Start,
    Uses,
)
from handlers.ports import GuestKeys as FoundKeys

TOLD_AGAIN_AFTER: Final = timedelta(minutes=5)
"""A lane that read a key before it was destroyed may publish it behind the tombstone, but not later
than this: by then its transaction has timed out, or another worker has its lane."""


class SqlLaneDatabase:
    """Implements handlers.ports.LaneDatabase; all statements are made here, once."""

    def __init__(
        self,
        engine: AsyncEngine,
        documents: Documents,
        claim_table: ClaimTable,
        service_keys: ServiceKeys,
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._fence = Fence(documents, engine.dialect)
        self._statements = _Statements(documents, claim_table, service_keys, engine.dialect)

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        async with transaction(self._engine, self._documents) as session:
            return await self._fence.open_lane(session, topic, partition)

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        async with transaction(self._engine, self._documents) as session:
            await self._statements.progress.rest(session, topic, lanes)

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AsyncIterator[LaneTransaction]:
        async with transaction(self._engine, self._documents) as session:
            lost = await self._fence.lost(session, topic, epochs)
            yield _SqlLaneTransaction(session, topic, lost, self._statements)


class _Statements:
    def __init__(
        self,
        documents: Documents,
        claim_table: ClaimTable,
        service_keys: ServiceKeys,
        dialect: Dialect,
    ) -> None:
        self.service_keys = service_keys
        self.keys = GuestKeys(documents, service_keys)
        self.progress = LaneProgress(documents)
        self.bookings = documents.find(bookings, bookings.c.id)
        self.known = KnownCommands(documents, self.keys, service_keys)
        self.starting = Starting(documents, service_keys)
        self.uniqueness = Uniqueness(documents)
        self.claims = Claims(documents, claim_table)
        self.recorder = Recorder(documents, claim_table, service_keys)
        self.undo = documents.find(undo, undo.c.id)
        self.counting = UseCounting(documents)
        self.audit = AuditStatements(documents, dialect)


class _SqlLaneTransaction:
    def __init__(
        self, session: Session, topic: str, lost: frozenset[int], statements: _Statements
    ) -> None:
        self._session = session
        self._topic = topic
        self._lost = lost
        self._statements = statements

    @property
    def lost(self) -> frozenset[int]:
        return self._lost

    async def begin_batch(self, in_hand: Mapping[int, tuple[Mark | None, int]]) -> None:
        await self._statements.progress.begin_batch(self._session, self._topic, in_hand)

    async def count_attempt(self, at: Coordinates) -> int:
        return await self._statements.progress.count_attempt(self._session, at)

    async def find_bookings(self, ids: Sequence[UUID]) -> Mapping[UUID, Booking]:
        rows = await self._session.run(self._statements.bookings, [{"id": each} for each in ids])
        keys = await self._statements.keys.opening(self._session, (row.personal for row in rows))
        return {row.id: booking_of(row, keys) for row in rows}

    async def find_commands(self, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        return await self._statements.known.by_id(self._session, row_ids)

    async def find_retired(self, row_ids: Sequence[UUID]) -> Mapping[UUID, RetiredCommand]:
        return await self._statements.known.retired(self._session, row_ids)

    async def find_by_coordinates(
        self, coordinates: Sequence[Coordinates]
    ) -> Mapping[Coordinates, KnownCommand]:
        return await self._statements.known.by_coordinates(self._session, coordinates)

    async def start(self, starts: Sequence[Start]) -> frozenset[UUID]:
        return await self._statements.starting.start(self._session, starts)

    async def retire_ends(self, row_ids: Mapping[UUID, UUID]) -> None:
        await self._statements.starting.retire_ends(self._session, row_ids)

    async def adopt(self, row_ids: Mapping[UUID, Coordinates]) -> None:
        await self._statements.starting.adopt(self._session, row_ids)

    async def take_keys(self, claims: Sequence[KeyClaim]) -> Mapping[UUID, KeyHolder]:
        return await self._statements.uniqueness.take_keys(self._session, claims)

    async def take_references(self, references: Mapping[UUID, str]) -> frozenset[UUID]:
        return await self._statements.uniqueness.take_references(self._session, references)

    async def claim(
        self, claims: Sequence[tuple[UUID, ClaimSlot]]
    ) -> Sequence[Claimed | SlotTaken]:
        return await self._statements.claims.claim(self._session, claims)

    async def find_undo(self, ids: Sequence[UUID]) -> Mapping[UUID, Undo]:
        rows = await self._session.run(self._statements.undo, [{"id": each} for each in ids])
        return {
            row.id: Undo(
                row.id,
                row.booking_id,
                row.venue_id,
                opened_owed(row, self._statements.service_keys),
                row.attempt,
                row.created_at,
            )
            for row in rows
            if row.done_at is None
        }

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        return await self._statements.counting.count(self._session, uses)

    async def journal(self, entries: Sequence[JournalEntry]) -> None:
        await self._statements.starting.journal(self._session, entries)

    async def guest_keys(self, sent: Mapping[UUID, datetime], now: datetime) -> FoundKeys:
        return await self._statements.keys.of_guests(self._session, sent, now)

    async def destroy_keys(self, guest_ids: Sequence[UUID], now: datetime) -> Sequence[UUID]:
        again_at = now + TOLD_AGAIN_AFTER
        return await self._statements.keys.destroy(self._session, guest_ids, now, again_at)

    async def record(self, recordings: Sequence[Recording]) -> None:
        await self._statements.recorder.record(self._session, recordings)

    async def audit_heads(self, chains: Collection[str]) -> tuple[datetime, Mapping[str, Head]]:
        return await self._statements.audit.heads(self._session, chains)

    async def append_audit(self, rows: Sequence[AuditRow]) -> None:
        await self._statements.audit.append(self._session, rows)
