"""Claims on SQLite: one writer at a time, so looking before inserting is enough."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from adapters.database.claims import AllClaims, Claim, claim_row
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import bookings
from adapters.database.tables import claims as table
from domain.effects import ClaimSlot
from domain.time_slot import TimeSlot


class SqliteClaimTable:
    """Implements ClaimTable."""

    def __init__(self, documents: Documents) -> None:
        names = ", ".join(each.name for each in table.c)
        asked = documents.rows_typed({each.name: each for each in table.c} | {"extends": int}, "q")
        self._insert = documents.select(
            f"insert into claims ({names}) select {names} from {asked} where not exists ("
            f" select 1 from claims as c where {self.overlapping()}"
            " and not (q.extends and c.booking_id = q.booking_id)"
            ") on conflict do nothing returning claim_id",
            table.c.claim_id,
        )

    async def insert(self, session: Session, claims: Sequence[Claim]) -> AbstractSet[UUID]:
        """One by one, so that each sees the ones before it."""
        held: set[UUID] = set()
        for row_id, claim in claims:
            row = claim_row(row_id, claim) | {"extends": int(claim.extends)}
            held.update(each.claim_id for each in await session.run(self._insert, [row]))
        return held

    async def claim_all(self, session: Session, asked: AllClaims) -> Sequence[UUID]:
        """One worker has the whole file, so there is one share."""
        await session.run(table.delete())
        found = bookings.c
        rows = await session.run(
            select(bookings)
            .where(found.status.in_(asked.statuses), found.venue_type.in_(asked.venue_types))
            .order_by(found.id)
        )
        claims = [
            (row.id, ClaimSlot(row.id, row.id, row.venue_id, row.inventory_item_id, _slot(row)))
            for row in rows
        ]
        held = await self.insert(session, claims)
        return [claim.booking_id for _, claim in claims if claim.claim_id not in held]

    def overlapping(self) -> str:
        return (
            "c.venue_id = q.venue_id and (c.item is null or q.item is null or c.item = q.item)"
            " and c.starts_at < q.ends_at and q.starts_at < c.ends_at"
        )


def _slot(row: Row[Any]) -> TimeSlot:
    return TimeSlot(row.booking_time, row.end_time)
