"""Claims on PostgreSQL: an exclusion constraint is the last word, whatever Kafka did.

`unit` is a range of items ([item, item], or unbounded for the whole venue) and `during` a half-open
range of time; no two rows of a venue may overlap in both. In the index a point stands for the
venue, made of a hash of its id (migration 0012). Losers of an insert do not come back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

from sqlalchemy import Text, column, text

from adapters.database.claim_parts import Part, Units, missing_parts
from adapters.database.claims import AllClaims, Claim, claim_row
from adapters.database.column_types import INSTANT, KNOWN_ID
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import bookings
from adapters.database.tables import claims as table
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class _Asked:
    """A claim with the parts that its booking lacks; none: it holds all of it already."""

    claim_id: UUID
    rows: Sequence[Mapping[str, object]]


class PostgresqlClaimTable:
    """Implements ClaimTable."""

    def __init__(self, documents: Documents) -> None:
        names = ", ".join(each.name for each in table.c)
        asked = documents.rows_typed(
            {each.name: each for each in table.c}
            | {"above": str, "below": str, "bounds": str}
            | {"part_starts_at": table.c.starts_at, "part_ends_at": table.c.ends_at}
        )
        self._insert = documents.select(
            f"insert into claims ({names}, unit, during) select {names},"
            " textrange(above, below, bounds), tstzrange(part_starts_at, part_ends_at)"
            f" from {asked} on conflict do nothing returning claims.claim_id",
            column("claim_id", KNOWN_ID),
        )
        self._held = documents.select(
            "select claims.booking_id, lower(unit), upper(unit), lower(during), upper(during)"
            f" from {documents.rows([table.c.booking_id])}"
            " join claims on claims.booking_id = r.booking_id",
            table.c.booking_id,
            column("above", Text()),
            column("below", Text()),
            column("starts_at", INSTANT),
            column("ends_at", INSTANT),
        )
        self._drop = documents.delete(table, table.c.claim_id)
        share = "mod(uuid_hash(venue_id) + 2147483648, :of) = :number"
        booked = f"status = any(:statuses) and venue_type = any(:venue_types) and {share}"
        self._drop_all = text(f"delete from claims where {share}")
        # Whoever claims for a booking is the booking itself: no command is known to have done it.
        self._claim_all = text(
            f"insert into claims ({names}, unit, during) select id, 0, id, id, venue_id,"
            " inventory_item_id, booking_time, end_time, textrange(inventory_item_id,"
            "  inventory_item_id, case when inventory_item_id is null then '()' else '[]' end),"
            f" tstzrange(booking_time, end_time) from bookings where {booked} order by id"
        )
        self._claim_what_is_free = text(f"{self._claim_all.text} on conflict do nothing")
        self._without_claim = text(
            f"select id from bookings where {booked} and not exists"
            " (select from claims where claims.booking_id = bookings.id) order by id"
        ).columns(bookings.c.id)

    async def insert(self, session: Session, claims: Sequence[Claim]) -> AbstractSet[UUID]:
        """All parts of a claim or none; a claim must not lose to a part that is dropped again."""
        held = await self._held_by(session, claims)
        pending = [_asked(claim, held) for claim in claims]
        claimed: set[UUID] = set()
        while pending:
            rows = await session.run(self._insert, [row for each in pending for row in each.rows])
            granted: dict[UUID, int] = defaultdict(int)
            for row in rows:
                granted[row.claim_id] += 1
            broken = _first_broken(pending, granted)
            claimed.update(
                each.claim_id
                for each in pending[:broken]
                if granted[each.claim_id] == len(each.rows)
            )
            # From the first one that got some of its parts, all is undone and the later ones again.
            await session.run(
                self._drop,
                [
                    {"claim_id": each.claim_id}
                    for each in pending[broken:]
                    if granted[each.claim_id]
                ],
            )
            pending = pending[broken + 1 :]
        return claimed

    async def claim_all(self, session: Session, asked: AllClaims) -> Sequence[UUID]:
        """In few statements, as all that is asked lies in the database already."""
        number, of = asked.share.number, asked.share.of
        which = {"statuses": asked.statuses, "venue_types": asked.venue_types}
        await session.run(self._drop_all, None, number=number, of=of)
        # Nearly always nothing overlaps; not asking before it is in costs 29 µs a claim, asking 47.
        if await session.run_unless_refused(self._claim_all, number=number, of=of, **which):
            return []
        await session.run(self._claim_what_is_free, None, number=number, of=of, **which)
        rows = await session.run(self._without_claim, None, number=number, of=of, **which)
        return [row.id for row in rows]

    def overlapping(self) -> str:
        return (
            f"c.venue_id = q.venue_id and {_point_of('c')} ~= {_point_of('q')}"
            " and c.unit && textrange(q.item, q.item, '[]')"
            " and c.during && tstzrange(q.starts_at, q.ends_at)"
        )

    async def _held_by(
        self, session: Session, claims: Iterable[Claim]
    ) -> Mapping[UUID, Sequence[Part]]:
        """What the bookings that extend their claims hold; nothing for the others."""
        extended = {claim.booking_id for _, claim in claims if claim.extends}
        held: dict[UUID, list[Part]] = defaultdict(list)
        for row in await session.run(self._held, [{"booking_id": each} for each in extended]):
            held[row.booking_id].append(
                Part(Units(row.above, row.below), row.starts_at, row.ends_at)
            )
        return held


def _point_of(table: str) -> str:
    """As the constraint has it: an index is used for an expression that is the same."""
    return f"point(uuid_hash_extended({table}.venue_id, 0), uuid_hash({table}.venue_id))"


def _asked(claim: Claim, held: Mapping[UUID, Sequence[Part]]) -> _Asked:
    row_id, wanted = claim
    whole = Part(Units.of(wanted.item), wanted.slot.starts_at, wanted.slot.ends_at)
    lacking = missing_parts(whole, held.get(wanted.booking_id, ()) if wanted.extends else ())
    row = claim_row(row_id, wanted)
    return _Asked(
        wanted.claim_id, [row | _range_columns(part, place) for place, part in enumerate(lacking)]
    )


def _range_columns(part: Part, place: int) -> dict[str, object]:
    return {
        "part": place,
        "above": part.units.above,
        "below": part.units.below,
        "bounds": "[]" if part.units.is_item else "()",
        "part_starts_at": part.starts_at,
        "part_ends_at": part.ends_at,
    }


def _first_broken(asked: Sequence[_Asked], granted: Mapping[UUID, int]) -> int:
    """Where the first claim stands that got some of its parts but not all; else the length."""
    return next(
        (
            place
            for place, each in enumerate(asked)
            if 0 < granted.get(each.claim_id, 0) < len(each.rows)
        ),
        len(asked),
    )
