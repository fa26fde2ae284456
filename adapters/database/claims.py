"""Claims on slots: who gets one, and what stands in the way of those who do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy import Integer, column

from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import claims as table
from domain.effects import Claimed, ClaimSlot, FindConflicts, SlotTaken, TakenSlot
from domain.time_slot import TimeSlot
from handlers.ports import Share

MAX_CONFLICTS = 100

Claim = tuple[UUID, ClaimSlot]
"""A claim with the row id of the command that makes it."""


@dataclass(frozen=True, slots=True)
class AllClaims:
    """Which bookings claim what they hold, when nothing tells but their rows: those of these types
    of venue, in these statuses, at this share of all venues.
    """

    venue_types: Sequence[str]
    statuses: Sequence[str]
    share: Share


class ClaimTable(Protocol):
    """How a dialect keeps claims from overlapping."""

    async def insert(self, session: Session, claims: Sequence[Claim]) -> AbstractSet[UUID]:
        """Insert in this order what overlaps nothing but, where it extends, the booking's own.

        Gives the ids of those that are held now; one that stood before may be missing among them.
        """
        ...

    async def claim_all(self, session: Session, asked: AllClaims) -> Sequence[UUID]:
        """Claim what bookings hold, the lowest id first, in place of all that was claimed at their
        venues; gives those whose slot another one claims.
        """
        ...

    def overlapping(self) -> str:
        """SQL, true where row `c` of claims overlaps question `q`."""
        ...


class Claims:
    """The questions about claims that both dialects answer in the same words."""

    def __init__(self, documents: Documents, claim_table: ClaimTable) -> None:
        self._table = claim_table
        self._standing = documents.select(
            f"select distinct claims.claim_id from {documents.rows([table.c.claim_id])}"
            " join claims on claims.claim_id = r.claim_id",
            table.c.claim_id,
        )
        questions = documents.rows_typed(
            {
                "ord": int,
                "venue_id": table.c.venue_id,
                "item": table.c.item,
                "starts_at": table.c.starts_at,
                "ends_at": table.c.ends_at,
                "own_booking": table.c.booking_id,
            },
            alias="q",
        )
        self._conflicts = documents.select(
            "select ord, starts_at, ends_at, item from ("
            " select found.*, row_number() over"
            "  (partition by ord order by starts_at, ends_at, claim_id) as place from ("
            "  select distinct q.ord, c.starts_at, c.ends_at, c.item, c.claim_id"
            f"   from {questions} join claims c on {claim_table.overlapping()}"
            "   where q.own_booking is null or q.own_booking <> c.booking_id"
            " ) as found"
            f") as placed where place <= {MAX_CONFLICTS} order by ord, place",
            column("ord", Integer()),
            table.c.starts_at,
            table.c.ends_at,
            table.c.item,
        )

    async def claim(
        self, session: Session, claims: Sequence[Claim]
    ) -> Sequence[Claimed | SlotTaken]:
        """An earlier claim of the sequence wins; one that stands already is claimed."""
        held: set[UUID] = set()
        for run in _one_per_booking(claims):
            held |= await self._table.insert(session, run)
        lost = [claim for _, claim in claims if claim.claim_id not in held]
        standing = await session.run(self._standing, [{"claim_id": each.claim_id} for each in lost])
        held.update(row.claim_id for row in standing)
        lost = [claim for claim in lost if claim.claim_id not in held]
        taken = iter(await self.find_conflicts(session, lost))
        return [
            Claimed(claim.claim_id) if claim.claim_id in held else SlotTaken(next(taken))
            for _, claim in claims
        ]

    async def find_conflicts(
        self, session: Session, questions: Sequence[ClaimSlot | FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        """What overlaps each, earliest first; for a claim that extends, what others hold."""
        found: list[list[TakenSlot]] = [[] for _ in questions]
        rows = await session.run(
            self._conflicts,
            [
                {
                    "ord": ord_,
                    "venue_id": question.venue_id,
                    "item": question.item,
                    "starts_at": question.slot.starts_at,
                    "ends_at": question.slot.ends_at,
                    "own_booking": _extended(question),
                }
                for ord_, question in enumerate(questions)
            ],
        )
        for row in rows:
            found[row.ord].append(TakenSlot(TimeSlot(row.starts_at, row.ends_at), row.item))
        return [tuple(each) for each in found]


def claim_row(row_id: UUID, claim: ClaimSlot) -> dict[str, object]:
    """The claim as asked, as the first of its parts."""
    return {
        "claim_id": claim.claim_id,
        "part": 0,
        "row_id": row_id,
        "booking_id": claim.booking_id,
        "venue_id": claim.venue_id,
        "item": claim.item,
        "starts_at": claim.slot.starts_at,
        "ends_at": claim.slot.ends_at,
    }


def _extended(question: ClaimSlot | FindConflicts) -> UUID | None:
    """The booking whose own claims do not count."""
    if isinstance(question, ClaimSlot) and question.extends:
        return question.booking_id
    return None


def _one_per_booking(claims: Sequence[Claim]) -> Iterable[Sequence[Claim]]:
    """Runs in which no booking claims twice, since what it lacks depends on what it got before."""
    run: list[Claim] = []
    bookings: set[UUID] = set()
    for row_id, claim in claims:
        if claim.extends and claim.booking_id in bookings:
            yield run
            run, bookings = [], set()
        run.append((row_id, claim))
        bookings.add(claim.booking_id)
    if run:
        yield run
