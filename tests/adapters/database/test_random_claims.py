"""Whatever is claimed in whatever order, the three databases grant the same, and no overlap."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.database.database import Database, open_database
from adapters.database.settings import DatabaseSettings
from domain.effects import ClaimSlot
from tests.adapters.database.lane import Lane
from tests.adapters.database.sealing import KEYS
from tests.builders import TOMORROW, a_slot
from tests.fakes.database import FakeDatabase


@dataclass(frozen=True)
class Wish:
    """Who claims what, without the venue, which every example has for itself."""

    booking: int
    item: str | None
    starts_minute: int
    minutes: int
    extends: bool

    def claim(self, venue_id: UUID, bookings: list[UUID]) -> ClaimSlot:
        starts_at = TOMORROW.replace(minute=self.starts_minute)
        slot = a_slot(starts_at, self.minutes)
        booking_id = bookings[self.booking]
        return ClaimSlot(uuid4(), booking_id, venue_id, self.item, slot, self.extends)


wishes = st.builds(
    Wish,
    booking=st.integers(0, 3),
    item=st.sampled_from(["a", "b", "ab", "B", "ä", None]),
    starts_minute=st.integers(0, 6),
    minutes=st.integers(1, 6),
    extends=st.booleans(),
)
rounds = st.lists(st.lists(wishes, min_size=1, max_size=5), min_size=1, max_size=3)


def overlapping(claims: Iterable[ClaimSlot]) -> list[tuple[ClaimSlot, ClaimSlot]]:
    """Pairs of different bookings that would share a unit at some time."""
    return [
        (one, other)
        for one, other in combinations(claims, 2)
        if one.booking_id != other.booking_id
        and (one.item is None or other.item is None or one.item == other.item)
        and one.slot.overlaps(other.slot)
    ]


def test_all_three_grant_the_same_claims(postgresql_url: str, sqlite_url: str) -> None:
    with asyncio.Runner() as loop:  # one loop and one set of connections for all examples
        databases: list[Database | FakeDatabase] = [
            open_database(DatabaseSettings(postgresql_url), KEYS),
            open_database(DatabaseSettings(sqlite_url), KEYS),
            FakeDatabase(),
        ]
        lanes = [loop.run(Lane.opened(database)) for database in databases]

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(rounds)
        def same(rounds: list[list[Wish]]) -> None:
            venue_id, bookings = uuid4(), [uuid4() for _ in range(4)]
            held: list[ClaimSlot] = []
            for wished in rounds:
                claims = [wish.claim(venue_id, bookings) for wish in wished]
                granted = [loop.run(lane.claimed(*claims)) for lane in lanes]
                assert granted[0] == granted[1] == granted[2], claims
                held += [
                    claim
                    for claim, is_granted in zip(claims, granted[0], strict=True)
                    if is_granted
                ]
            assert overlapping(held) == []

        try:
            same()
        finally:
            for database in databases:
                loop.run(database.close())
