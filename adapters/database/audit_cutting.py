"""Entries of the audit log removed on purpose, by the owner of its table and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.operators import engine_for
from adapters.database.session import transaction
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import audit, audit_cuts
from handlers.ports import Cut, Head

_CHUNK: Final = 5_000


class AuditCutting:
    """Beside any number of workers: they only add, and never below a chain's last entry."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._documents = Documents(engine.dialect)
        self._keep = self._documents.insert(audit_cuts, conflict="do nothing")

    async def first_kept(self, before: datetime) -> Mapping[str, Head]:
        """Of each chain that has entries from before then: the first one of later, or its last."""
        entry = audit.c
        async with transaction(self._engine, self._documents) as session:
            old = await session.run(
                select(entry.chain, func.max(entry.sequence).label("last"))
                .where(entry.at < before)
                .group_by(entry.chain)
                .order_by(entry.chain)
            )
            found: dict[str, Head] = {}
            for each in old:
                later = select(entry.sequence, entry.hash).where(
                    entry.chain == each.chain, entry.sequence >= each.last
                )
                rows = await session.run(later.order_by(entry.sequence).limit(2))
                found[each.chain] = Head(int(rows[-1].sequence), rows[-1].hash)
            return found

    async def count(self, kept: Mapping[str, Head]) -> int:
        """How many entries lie before the first ones that are kept."""
        found = 0
        async with transaction(self._engine, self._documents) as session:
            for chain, first in kept.items():
                before = (audit.c.chain == chain, audit.c.sequence < first.sequence)
                ((count,),) = await session.run(select(func.count()).where(*before))
                found += int(count)
        return found

    async def sign(self, cuts: Sequence[Cut]) -> None:
        rows = [
            {
                "chain": each.chain,
                "sequence": each.at.sequence,
                "hash": each.at.hash,
                "key_id": each.key_id,
                "mac": each.mac,
            }
            for each in cuts
        ]
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._keep, rows)

    async def remove(self, chain: str, kept: Head) -> int:
        """The oldest entries before that one, so that what is left is one piece at any moment.

        Gives how many; none when all are gone.
        """
        place = tuple_(audit.c.chain, audit.c.sequence)
        oldest = (
            select(audit.c.chain, audit.c.sequence)
            .where(audit.c.chain == chain, audit.c.sequence < kept.sequence)
            .order_by(audit.c.sequence)
            .limit(_CHUNK)
        )
        async with transaction(self._engine, self._documents) as session:
            gone = delete(audit).where(place.in_(oldest)).returning(audit.c.sequence)
            return len(await session.run(gone))


@asynccontextmanager
async def open_audit_cutting(settings: DatabaseSettings) -> AsyncIterator[AuditCutting]:
    """On one connection of its own."""
    engine = engine_for(settings, read_only=False, is_patient=True)
    try:
        yield AuditCutting(engine)
    finally:
        await engine.dispose()
