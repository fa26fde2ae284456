"""Bookings by reference from memory: rows as they lie there, and keys asked for every time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from adapters.database.database import open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from domain.booking import Booking
from handlers.cache import ShortCache
from schemas.instruments import NO_METER, counter
from schemas.measures import CACHE_LOOKUPS
from tests.adapters.database.lane import Lane, another_booking
from tests.adapters.database.migrated import url_of
from tests.adapters.database.sealing import KEYS
from tests.adapters.database.test_guest_keys import destroyed


@dataclass(frozen=True, slots=True)
class Remembering:
    """A lane, and what its reads remember."""

    lane: Lane
    cache: ShortCache

    async def read(self, booking: Booking, version: int = 0) -> Booking | None:
        """By its reference, by somebody who knows this version of it."""
        known = {booking.reference: version}
        found = await self.lane.database.reads.bookings_by_reference([booking.reference], known)
        return found.get(booking.reference)


@pytest.fixture(params=["postgresql", "sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return url_of(found, Role.WORKER) if request.param == "postgresql" else found


@pytest.fixture
async def remembering(url: str) -> AsyncIterator[Remembering]:
    cache = ShortCache("reference", 60, counter(NO_METER, CACHE_LOOKUPS), lambda: 0.0)
    cache.corrected(True)
    database = open_database(DatabaseSettings(url), KEYS, rows=cache)
    yield Remembering(await Lane.opened(database), cache)
    await database.close()


async def test_a_booking_is_remembered_until_an_event_tells_otherwise(
    remembering: Remembering,
) -> None:
    booking = another_booking()
    await remembering.lane.recorded(booking)
    assert await remembering.read(booking) == booking
    changed = replace(booking, version=2, party_size=9)
    await remembering.lane.recorded(changed)
    assert await remembering.read(booking) == booking
    remembering.cache.forget(booking.reference)
    assert await remembering.read(booking) == changed


async def test_who_knows_a_later_version_gets_it(remembering: Remembering) -> None:
    booking = another_booking()
    await remembering.lane.recorded(booking)
    await remembering.read(booking)
    changed = replace(booking, version=2, party_size=9)
    await remembering.lane.recorded(changed)
    assert await remembering.read(booking, 2) == changed
    assert await remembering.read(booking) == changed


async def test_what_is_not_there_is_looked_for_again(remembering: Remembering) -> None:
    booking = another_booking()
    assert await remembering.read(booking) is None
    await remembering.lane.recorded(booking)
    assert await remembering.read(booking) == booking


async def test_an_erased_guest_is_erased_from_memory_at_once(remembering: Remembering) -> None:
    booking = another_booking()
    await remembering.lane.recorded(booking)
    await remembering.read(booking)
    await destroyed(remembering.lane, booking.contact.guest_id)
    assert await remembering.read(booking) == booking.without_person()
