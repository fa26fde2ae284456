"""A database written from versions in any order is the same database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.booking_rows import booking_row
from adapters.database.database import Database, open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import bookings
from domain.booking import Booking
from domain.effects import FindConflicts
from domain.lifecycle import Status
from domain.money import Money
from domain.outcome import StatusChange
from domain.rules import Fallback, Rules
from handlers.ports import WHOLE_OF_IT, KeyClaim, Mark, Rebuilt, Share, Whole, WrappedKey
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


@pytest.fixture
def real_url(request: pytest.FixtureRequest) -> str:
    """Of the same database, for its owner."""
    urls = {"rebuilt": "postgresql_url", "sqlite": "sqlite_url"}
    found: str = request.getfixturevalue(urls[request.node.callspec.params["real"]])
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


async def finished(real: Database, marks: Mapping[int, Mark] | None = None) -> Whole:
    """All that comes after the last event."""
    overlapping = await real.rebuilding.claim(RULES, WHOLE_OF_IT)
    whole = replace(await real.rebuilding.whole(), overlapping=overlapping)
    await real.rebuilding.finish(TOPIC, marks or {})
    return whole


async def test_the_highest_version_stays_whatever_came_last(real: Database) -> None:
    versions = three_versions()
    for batch in ([versions[2]], [versions[0], versions[1]], [versions[1]]):
        await real.rebuilding.write(batch, EVENTS, {0: 7})
    found = await real.reads.bookings([versions[0].booking.id])
    assert found[versions[0].booking.id] == versions[2].booking
    histories = await real.reads.histories([versions[0].booking.id])
    assert [row.version for row in histories[versions[0].booking.id]] == [1, 2, 3]
    whole = await finished(real)
    assert (whole.commands, list(whole.gaps)) == (3, [])


async def test_a_missing_version_is_a_gap(real: Database) -> None:
    first, _, third = three_versions()
    await real.rebuilding.write([first, third], EVENTS, {0: 7})
    (gap,) = (await finished(real)).gaps
    assert (gap.booking_id, gap.version, gap.found) == (first.booking.id, 3, 2)


async def test_active_bookings_hold_their_slots_again(real: Database) -> None:
    active, ended = another_booking(), another_booking(status=Status.CANCELLED)
    await real.rebuilding.write([a_version(active), a_version(ended)], EVENTS, {})
    whole = await finished(real)
    (taken,) = await real.reads.conflicts(
        [FindConflicts(active.venue.id, active.hold.item, active.slot)]
    )
    assert [each.slot for each in taken] == [active.slot]
    assert whole.overlapping == []


async def test_two_active_bookings_of_one_slot_are_told(real: Database) -> None:
    """Somebody changed events, or the rules were others then."""
    one, other = another_booking(), another_booking()
    await real.rebuilding.write([a_version(one), a_version(other)], EVENTS, {})
    whole = await finished(real)
    assert len(whole.overlapping) == 1


async def test_two_shares_side_by_side_claim_everything_once(rebuilt: Database) -> None:
    venues = [replace(another_booking().venue, id=uuid4()) for _ in range(8)]
    active = [another_booking(venue=each) for each in venues]
    twice = [another_booking(venue=each) for each in venues[:3]]
    rows = rebuilt.rebuilding
    await rows.write([a_version(each) for each in (*active, *twice)], EVENTS, {})
    shares = [Share(number, 2) for number in range(2)]
    found = await asyncio.gather(*(rows.claim(RULES, each) for each in shares))
    lost = {max(pair, key=lambda each: each.id).id for pair in zip(active, twice, strict=False)}
    assert sorted(id_ for share in found for id_ in share) == sorted(lost)


async def test_a_claim_of_an_earlier_try_does_not_stay(real: Database) -> None:
    active = another_booking()
    await real.rebuilding.write([a_version(active)], EVENTS, {})
    await real.rebuilding.claim(RULES, WHOLE_OF_IT)
    ended = replace(active, version=2, status=Status.CANCELLED)
    await real.rebuilding.write([a_version(ended)], EVENTS, {})
    await real.rebuilding.claim(RULES, WHOLE_OF_IT)
    (taken,) = await real.reads.conflicts(
        [FindConflicts(active.venue.id, active.hold.item, active.slot)]
    )
    assert taken == ()


async def test_what_comes_again_beside_what_is_new_changes_nothing(real: Database) -> None:
    """Read on after a crash, or an event that lies there twice: all of a batch is merged then."""
    again, new = three_versions(), three_versions()
    await real.rebuilding.write(again, EVENTS, {0: 3})
    before = await finished(real)
    await real.rebuilding.write([again[0], *new, again[1]], EVENTS, {0: 9})
    ids = [again[0].booking.id, new[0].booking.id]
    found = await real.reads.bookings(ids)
    assert found == {id_: each[2].booking for id_, each in zip(ids, (again, new), strict=True)}
    assert await real.rebuilding.progress(EVENTS) == {0: 9}
    after = await finished(real)
    assert (before.commands, after.commands, list(after.gaps)) == (3, 6, [])
    await real.rebuilding.write(new, EVENTS, {0: 9})
    assert await finished(real) == after


async def test_money_that_an_ended_booking_kept_is_told(real: Database) -> None:
    booking = another_booking(status=Status.CANCELLED)
    payment, currency = booking.payment, booking.price.currency
    paid = replace(
        payment, paid=Money(Decimal("10.00"), currency), refunded=Money(Decimal("2.50"), currency)
    )
    even = replace(paid, refunded=Money(Decimal(10), currency))
    other = another_booking(status=Status.EXPIRED)
    versions = [replace(booking, payment=paid), replace(other, payment=even)]
    await real.rebuilding.write([a_version(each) for each in versions], EVENTS, {})
    (told,) = (await finished(real)).unsettled
    assert (told.reference, told.status, told.kept) == (
        booking.reference,
        "cancelled",
        f"7.50 {currency}",
    )


async def test_the_digest_is_of_the_content(real: Database) -> None:
    versions = three_versions()
    await real.rebuilding.write(versions[:2], EVENTS, {})
    before = (await finished(real)).digest
    assert (await finished(real)).digest == before
    await real.rebuilding.write(versions[2:], EVENTS, {})
    assert (await finished(real)).digest != before


async def test_two_bookings_that_exchange_a_value_are_another_content(
    real: Database, real_url: str
) -> None:
    """The digest is a sum over rows; were it one over columns too, most exchanges would be lost."""
    pair = [another_booking(), another_booking()]
    await real.rebuilding.write([a_version(each) for each in pair], EVENTS, {})
    for size in range(2, 20, 2):
        digests = set[str]()
        for sizes in ((size, size + 1), (size + 1, size)):
            for each, its in zip(pair, sizes, strict=True):
                update = bookings.update().where(bookings.c.id == each.id).values(party_size=its)
                await changed(real_url, update)
            digests.add((await finished(real)).digest)
        assert len(digests) == 2


async def test_of_what_is_sealed_the_digest_has_the_key_alone(
    real: Database, real_url: str
) -> None:
    """Every rebuild seals anew: other text under the same key is the same content."""
    booking = another_booking()
    await real.rebuilding.write([a_version(booking)], EVENTS, {})
    before = (await finished(real)).digest
    other = KEYS.create(KEY.guest_id)
    resealed = {key: booking_row(booking, key)["personal"] for key in (KEY, other)}
    found = []
    for personal in resealed.values():
        await changed(real_url, bookings.update().values(personal=personal))
        found.append((await finished(real)).digest)
    assert found[0] == before
    assert found[1] != before
    await changed(real_url, bookings.update().values(personal=resealed[KEY], party_size=9))
    assert (await finished(real)).digest not in {before, *found}


async def changed(url: str, statement: Executable) -> None:
    """By somebody who may change anything."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(statement)
    await engine.dispose()


async def test_keys_that_come_again_beside_new_ones_stand_once(real: Database) -> None:
    new = KEYS.create(uuid4())
    again = [WrappedKey(each.id, each.guest_id, each.wrapped, NOW) for each in (KEY, new)]
    await real.rebuilding.write_keys(again, ())
    await real.rebuilding.write_keys(again, [KEY.id])
    assert set(await real.rebuilding.keys([KEY.id, new.id])) == {new.id}
    await real.rebuilding.write_keys(again, ())
    assert set(await real.rebuilding.keys([KEY.id, new.id])) == {new.id}, "gone stays gone"


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
    await finished(real, {PARTITION: Mark(5, 1_000)})
    assert await real.rebuilding.progress(EVENTS) == {}
    assert (await real.lanes.open_lane(TOPIC, PARTITION)).mark == Mark(5, 1_000)
