"""Whom a question goes to: a standby's word counts for what it has, never for what it lacks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from adapters.database import replica
from adapters.database.replica import ReplicaReads
from adapters.database.standby import Lag
from domain.booking import Booking
from domain.effects import FindConflicts
from domain.queries import Listing
from handlers.ports import NOTHING_KNOWN, DatabaseAway, GuestPage, Page, VenuePage
from tests.adapters.database.lane import Lane, a_claim, another_booking
from tests.builders import VENUE_ID, a_slot
from tests.fakes.database import FakeDatabase

INFINITE = float("inf")
VENUE_PAGE = VenuePage(VENUE_ID, Listing())


@dataclass
class Standby:
    """Says what it is told to say."""

    reason: str | None = None
    away: bool = False
    looks: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def unfit(self) -> str | None:
        self.looks += 1
        await self.answers.wait()
        if self.away:
            raise DatabaseAway("it was told to be away")
        return self.reason


@dataclass
class Answers:
    """A counter that can be read."""

    by: dict[str, int] = field(default_factory=dict)

    def add(self, amount: int, labels: dict[str, str]) -> None:
        who = labels["answered_by"]
        self.by[who] = self.by.get(who, 0) + amount

    def taken(self) -> dict[str, int]:
        found, self.by = self.by, {}
        return found


class World:
    """A primary and a copy of it that is as old as a test wants."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.standby = Standby()
        self.standby.answers.set()
        self.answers = Answers()
        self.primary, self.replica = FakeDatabase(), FakeDatabase()
        self.reads = ReplicaReads(
            self.standby,  # type: ignore[arg-type]  # says the same
            self.replica.reads,
            self.primary.reads,
            self.answers,  # type: ignore[arg-type]  # counts the same
            lambda: self.now,
        )

    async def recorded(self, *bookings: Booking) -> None:
        lane = await Lane.opened(self.primary)
        for booking in bookings:
            await lane.recorded(booking)

    def copied(self) -> None:
        self.replica.tables = self.primary.tables.copy()

    async def trusted(self) -> None:
        """The look that makes the standby one that is asked."""
        await self.reads.bookings([uuid4()])
        await self.looked()
        self.answers.taken()

    async def looked(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_standby_is_asked_once_it_was_looked_at(world: World) -> None:
    booking = another_booking()
    await world.recorded(booking)
    world.copied()
    assert await world.reads.bookings([booking.id]) == {booking.id: booking}
    assert world.answers.taken() == {"primary": 1}
    await world.looked()
    assert await world.reads.bookings([booking.id]) == {booking.id: booking}
    assert await world.reads.bookings_by_reference([booking.reference]) == {
        booking.reference: booking
    }
    assert world.answers.taken() == {"replica": 2}


async def test_what_the_standby_lacks_the_primary_is_asked_for(world: World) -> None:
    old, new = another_booking(), another_booking()
    await world.recorded(old)
    world.copied()
    await world.recorded(new)
    await world.trusted()
    assert await world.reads.bookings([old.id, new.id]) == {old.id: old, new.id: new}
    assert world.answers.taken() == {"replica": 1, "primary": 1}
    assert (await world.reads.histories([new.id])).keys() == (
        await world.primary.reads.histories([new.id])
    ).keys()


async def test_nobody_gets_less_than_he_knows(world: World) -> None:
    booking = another_booking()
    changed = replace(booking, version=2, party_size=7)
    await world.recorded(booking)
    world.copied()
    await world.recorded(changed)
    await world.trusted()
    assert (await world.reads.bookings([booking.id]))[booking.id].version == 1
    assert (await world.reads.bookings([booking.id], {booking.id: 1}))[booking.id].version == 1
    assert world.answers.taken() == {"replica": 2}
    assert await world.reads.bookings([booking.id], {booking.id: 2}) == {booking.id: changed}
    by_reference = await world.reads.bookings_by_reference(
        [booking.reference], {booking.reference: 2}
    )
    assert by_reference == {booking.reference: changed}
    assert world.answers.taken() == {"primary": 2}


async def test_a_version_that_nobody_has_is_answered_by_what_there_is(world: World) -> None:
    booking = another_booking()
    await world.recorded(booking)
    world.copied()
    await world.trusted()
    assert await world.reads.bookings([booking.id], {booking.id: 9}) == {booking.id: booking}


async def test_what_only_the_standby_still_has_is_gone_for_who_knows_better(world: World) -> None:
    booking = another_booking()
    await world.recorded(booking)
    world.copied()
    world.primary.tables = FakeDatabase().tables
    await world.trusted()
    assert await world.reads.bookings([booking.id], {booking.id: 2}) == {}


async def test_a_history_of_a_known_version_is_the_primary_s(world: World) -> None:
    booking = another_booking()
    await world.recorded(booking)
    world.copied()
    await world.trusted()
    await world.reads.histories([booking.id], {booking.id: 1})
    assert world.answers.taken() == {"primary": 1}


async def test_lists_are_the_standby_s(world: World) -> None:
    booking = another_booking()
    await world.recorded(booking)
    await world.trusted()
    pages: list[Page] = [VENUE_PAGE, GuestPage(booking.contact.guest_id, Listing())]
    assert await world.reads.pages(pages) == {page: [] for page in pages}
    assert world.answers.taken() == {"replica": 2}


async def test_what_has_just_been_sold_is_not_free(world: World) -> None:
    lane = await Lane.opened(world.primary)
    await lane.claim(a_claim())
    await world.trusted()
    (taken,) = await world.reads.conflicts([FindConflicts(VENUE_ID, None, a_slot())])
    assert len(taken) == 1


async def test_the_primary_hears_what_the_asker_knows(world: World) -> None:
    """It may remember what it answers by reference."""
    booking = another_booking()
    await world.recorded(booking)
    heard: list[Any] = []
    ask = world.primary.reads.bookings_by_reference

    async def asked(references: Any, known: Any = NOTHING_KNOWN) -> Any:
        heard.append(known)
        return await ask(references, known)

    world.primary.reads.bookings_by_reference = asked  # type: ignore[method-assign]
    await world.reads.bookings_by_reference([booking.reference], {booking.reference: 3})
    assert heard == [{booking.reference: 3}]


async def test_a_question_does_not_wait_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "_PATIENCE_SECONDS", 0.01)
    booking = another_booking()
    await world.recorded(booking)
    await world.trusted()

    class Frozen:
        def __getattr__(self, name: str) -> Any:
            async def ask(*_: Any) -> None:
                await asyncio.Event().wait()

            return ask

    world.reads._replica = Frozen()
    assert await world.reads.bookings([booking.id]) == {booking.id: booking}
    await world.reads.pages([VENUE_PAGE])
    assert world.answers.taken() == {"primary": 2}


async def test_a_look_that_began_before_a_failure_ends_no_rest(world: World) -> None:
    await world.trusted()
    world.now += 1
    world.standby.answers.clear()

    class Failing:
        def __getattr__(self, name: str) -> Any:
            raise DatabaseAway("gone")

    world.reads._replica = Failing()
    await world.reads.pages([VENUE_PAGE])
    await world.looked()
    world.standby.answers.set()
    await world.looked()
    world.reads._replica = world.replica.reads
    world.answers.taken()
    await world.reads.pages([VENUE_PAGE])
    assert world.answers.taken() == {"primary": 1}


async def test_a_bug_in_looking_is_said(world: World) -> None:
    async def breaks() -> str | None:
        raise RuntimeError("a bug")

    world.standby.unfit = breaks  # type: ignore[method-assign]
    with capture_logs() as logs:
        await world.reads.pages([VENUE_PAGE])
        await world.looked()
    assert [line["reason"] for line in logs] == ["RuntimeError('a bug')"]


@pytest.mark.parametrize(
    "trouble", [DatabaseAway("gone"), ProgrammingError("select", {}, Exception("no such column"))]
)
async def test_a_standby_that_fails_rests(world: World, trouble: Exception) -> None:
    booking = another_booking()
    await world.recorded(booking)
    world.copied()
    await world.trusted()

    class Failing:
        def __getattr__(self, name: str) -> Any:
            raise trouble

    whole, world.reads._replica = world.reads._replica, Failing()
    with capture_logs() as logs:
        for _ in range(3):
            assert await world.reads.bookings([booking.id]) == {booking.id: booking}
    assert [line["event"] for line in logs] == [
        "the replica is left alone, the primary answers",
    ]
    world.reads._replica = whole
    looks = world.standby.looks
    world.now += 4.9
    await world.trusted()
    assert world.standby.looks == looks
    world.now += 0.2
    with capture_logs() as logs:
        await world.trusted()
    assert world.standby.looks == looks + 1
    assert [line["event"] for line in logs] == ["the replica answers queries"]
    await world.reads.bookings([booking.id])
    assert world.answers.taken() == {"replica": 1}


async def test_nobody_waits_for_a_standby_that_does_not_answer(world: World) -> None:
    world.standby.answers.clear()
    async with asyncio.timeout(1):
        for _ in range(3):
            assert await world.reads.bookings([uuid4()]) == {}
            await world.looked()
            world.now += 10
    assert world.standby.looks == 1
    await world.reads.close()


@pytest.mark.parametrize("fault", [{"reason": "it is 11 s behind"}, {"away": True}])
async def test_a_standby_that_is_found_unfit_is_left_alone(
    world: World, fault: dict[str, Any]
) -> None:
    await world.trusted()
    world.now += 1
    for name, value in fault.items():
        setattr(world.standby, name, value)
    await world.trusted()
    await world.reads.pages([VENUE_PAGE])
    assert world.answers.taken() == {"primary": 1}


async def test_an_old_look_counts_for_nothing(world: World) -> None:
    """As after a quiet hour: what was near enough then may be far behind now."""
    await world.trusted()
    world.now += 3600
    await world.reads.pages([VENUE_PAGE])
    assert world.answers.taken() == {"primary": 1}
    await world.looked()
    await world.reads.pages([VENUE_PAGE])
    assert world.answers.taken() == {"replica": 1}


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, 100, 100)], 0),
        ([(0, 100, 90)], INFINITE),
        ([(0, 100, 90), (1, 100, 100)], 0),
        ([(0, 100, 90), (1, 200, 100), (2, 300, 150)], 2),
        ([(0, 100, 90), (1, 200, 100), (2, 300, 250)], 1),
        ([(0, 100, 100), (3600, 100, 100)], 0),
        ([(0, 100, 100), (3600, 101, 100)], 3600),
        ([(0, 100, 100), (3600, 101, 100), (3601, 101, 101)], 0),
        ([(n, 100 + n, 100) for n in range(500)], 499),
    ],
)
def test_how_far_behind_is_told_by_places_noted_on_the_way(
    looks: list[tuple[float, int, int]], expected: float
) -> None:
    lag = Lag()
    assert [lag.behind(*look) for look in looks][-1] == expected
