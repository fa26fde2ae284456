"""A database written from versions in any order is the same database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.database.database import Database, open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from domain.booking import Booking
from domain.effects import FindConflicts
from domain.lifecycle import Status
from domain.outcome import StatusChange
from domain.rules import Fallback, Rules
from handlers.ports import KeyClaim, Mark, Rebuilt, WrappedKey
from tests.adapters.database.lane import PARTITION, TOPIC, a_start, an_outcome, another_booking
from tests.adapters.database.migrated import url_of
from tests.adapters.database.sealing import KEYS
from tests.builders import NOW

EVENTS = "booking.events"
KEY = KEYS.create(another_booking().contact.guest_id)
RULES = Rules(fallback=Fallback(is_allowed=False))


@pytest.fixture
async def rebuilt(postgresql_url: str) -> AsyncIterator[Database]:
    """On PostgreSQL, by somebody who may do no more than a rebuild has to."""
    database = open_database(DatabaseSettings(url_of(postgresql_url, Role.REBUILD)), KEYS)
    yield database
    await database.close()


@pytest.fixture(params=["rebuilt", "sqlite"])
def real(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
async def the_guests_key(real: Database) -> None:
    await real.rebuilding.write_keys([WrappedKey(KEY.id, KEY.guest_id, KEY.wrapped, NOW)], ())


def a_version(booking: Booking, key_id: UUID | None = None) -> Rebuilt:
    start = a_start(booking_id=booking.id, run=0)
    taken = NOW + timedelta(minutes=booking.version)
    key = key_id and KeyClaim(key_id, start.row_id, "ab" * 32, taken, taken + timedelta(hours=24))
    history = StatusChange(None, booking.status, "admin:a", f"reason {booking.version}")
    data_key = KEYS.unwrapped(KEY.id, KEY.guest_id, KEY.wrapped)
    return Rebuilt(booking, history, start, an_outcome(), NOW, key or None, data_key)


def three_versions() -> list[Rebuilt]:
    first = another_booking(status=Status.PENDING)
    return [a_version(replace(first, version=version, party_size=version)) for version in (1, 2, 3)]


async def test_the_highest_version_stays_whatever_came_last(real: Database) -> None:
    versions = three_versions()
    for batch in ([versions[2]], [versions[0], versions[1]], [versions[1]]):
        await real.rebuilding.write(batch, EVENTS, {0: 7})
    found = await real.reads.bookings([versions[0].booking.id])
    assert found[versions[0].booking.id] == versions[2].booking
    histories = await real.reads.histories([versions[0].booking.id])
    assert [row.version for row in histories[versions[0].booking.id]] == [1, 2, 3]
    whole = await real.rebuilding.finish(RULES, TOPIC, {})
    assert (whole.commands, list(whole.gaps)) == (3, [])


async def test_a_missing_version_is_a_gap(real: Database) -> None:
    first, _, third = three_versions()
    await real.rebuilding.write([first, third], EVENTS, {0: 7})
    (gap,) = (await real.rebuilding.finish(RULES, TOPIC, {})).gaps
    assert (gap.booking_id, gap.version, gap.found) == (first.booking.id, 3, 2)


async def test_active_bookings_hold_their_slots_again(real: Database) -> None:
    active, ended = another_booking(), another_booking(status=Status.CANCELLED)
    await real.rebuilding.write([a_version(active), a_version(ended)], EVENTS, {})
    whole = await real.rebuilding.finish(RULES, TOPIC, {})
    (taken,) = await real.reads.conflicts(
        [FindConflicts(active.venue.id, active.hold.item, active.slot)]
    )
    assert [each.slot for each in taken] == [active.slot]
    assert whole.overlapping == []


async def test_two_active_bookings_of_one_slot_are_told(real: Database) -> None:
    """Somebody changed events, or the rules were others then."""
    one, other = another_booking(), another_booking()
    await real.rebuilding.write([a_version(one), a_version(other)], EVENTS, {})
    whole = await real.rebuilding.finish(RULES, TOPIC, {})
    assert len(whole.overlapping) == 1


async def test_the_digest_is_of_the_content(real: Database) -> None:
    versions = three_versions()
    await real.rebuilding.write(versions[:2], EVENTS, {})
    before = (await real.rebuilding.finish(RULES, TOPIC, {})).digest
    assert (await real.rebuilding.finish(RULES, TOPIC, {})).digest == before
    await real.rebuilding.write(versions[2:], EVENTS, {})
    assert (await real.rebuilding.finish(RULES, TOPIC, {})).digest != before


async def test_the_later_holder_has_the_key(real: Database) -> None:
    key_id = uuid4()
    booking = another_booking()
    early, late = a_version(booking, key_id), a_version(replace(booking, version=2), key_id)
    await real.rebuilding.write([late], EVENTS, {})
    await real.rebuilding.write([early], EVENTS, {})
    lane = await real.lanes.open_lane(TOPIC, PARTITION)
    asked = KeyClaim(key_id, uuid4(), "cd" * 32, NOW, NOW + timedelta(hours=24))
    async with real.lanes.transaction(TOPIC, {PARTITION: lane.epoch}) as transaction:
        holders = await transaction.take_keys([asked])
    assert holders[key_id].row_id == late.start.row_id


async def test_progress_is_kept_until_the_end(real: Database) -> None:
    assert await real.rebuilding.is_empty()
    await real.rebuilding.write(three_versions(), EVENTS, {0: 7, 3: 9})
    await real.rebuilding.write([], EVENTS, {0: 8})
    assert await real.rebuilding.progress(EVENTS) == {0: 8, 3: 9}
    assert not await real.rebuilding.is_empty()
    await real.rebuilding.finish(RULES, TOPIC, {PARTITION: Mark(5, 1_000)})
    assert await real.rebuilding.progress(EVENTS) == {}
    assert (await real.lanes.open_lane(TOPIC, PARTITION)).mark == Mark(5, 1_000)
