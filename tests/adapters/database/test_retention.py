"""What has had its time goes, and nothing else: over both databases and the fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.database import Database, open_database
from adapters.database.pasts import open_pasts
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import outcomes
from app.local_servers import PostgresServer
from domain.lifecycle import Status
from domain.undo import Undo
from handlers.ports import PromiseBroken
from handlers.ports.retention import Gone
from tests.adapters.database.lane import Lane, a_key, a_recording
from tests.adapters.database.migrated import migrated, url_of
from tests.adapters.database.retiring import (
    BEFORE,
    LONG_AGO,
    OWED,
    booked,
    ended,
    retired_all,
    retired_bookings,
)
from tests.adapters.database.sealing import KEYS
from tests.adapters.database.test_rights import executed
from tests.builders import NOW, VENUE_ID

_ENDED = (Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW, Status.EXPIRED)


@pytest.fixture(scope="module")
def unpartitioned_url(postgres: PostgresServer) -> Iterator[str]:
    """Without a partition for the past: there PostgreSQL, too, has to go row by row."""
    with migrated(postgres) as url:
        asyncio.run(executed(url, "drop table outcomes_before"))
        yield url


@pytest.fixture
async def postgresql(unpartitioned_url: str) -> AsyncIterator[Database]:
    """Of somebody who may do no more than a worker has to."""
    database = open_database(DatabaseSettings(url_of(unpartitioned_url, Role.WORKER)), KEYS)
    yield database
    await database.close()


# --- commands ---


async def test_of_an_old_command_its_id_and_content_stay(lane: Lane) -> None:
    old, young = await ended(lane), await ended(lane, NOW)
    assert await retired_all(lane) == 1
    async with lane.transaction() as transaction:
        assert (await transaction.find_commands([old.row_id, young.row_id])).keys() == {
            young.row_id
        }
        found = await transaction.find_retired([old.row_id, young.row_id, uuid4()])
    assert found.keys() == {old.row_id}
    assert found[old.row_id].is_of(old.content_hash)
    assert not found[old.row_id].is_of("cd" * 32)


async def test_a_command_that_has_not_ended_stays_however_old_it_is(lane: Lane) -> None:
    start = await lane.started(decided=LONG_AGO)
    await ended(lane)
    assert await retired_all(lane) == 1
    async with lane.transaction() as transaction:
        assert (await transaction.find_commands([start.row_id]))[start.row_id].outcome is None
        assert await transaction.find_retired([start.row_id]) == {}


async def test_commands_go_in_chunks(lane: Lane) -> None:
    starts = [await ended(lane, LONG_AGO + timedelta(minutes=n)) for n in range(5)]
    retention = lane.database.retention
    assert not (await retention.retire_commands(BEFORE, 2)).is_all
    async with lane.transaction() as transaction:
        assert len(await transaction.find_retired([each.row_id for each in starts])) == 2
    assert await retired_all(lane, limit=2) == 3
    assert await retired_all(lane) == 0


async def test_a_key_goes_with_the_command_that_holds_it(lane: Lane) -> None:
    old, young = uuid4(), uuid4()
    held = a_key(row_id=(await ended(lane, key_id=old)).row_id, key_id=old)
    other = a_key(row_id=(await ended(lane, NOW, key_id=young)).row_id, key_id=young)
    taken_over = a_key(row_id=other.row_id, key_id=(await ended(lane, key_id=uuid4())).key_id)
    async with lane.transaction() as transaction:
        await transaction.take_keys([held, other, taken_over])
    assert await retired_all(lane) == 2
    newcomer = uuid4()
    async with lane.transaction() as transaction:
        holders = await transaction.take_keys(
            [replace(each, row_id=newcomer) for each in (held, other, taken_over)]
        )
    assert [holders[each.key_id].row_id for each in (held, other, taken_over)] == [
        newcomer,
        other.row_id,
        other.row_id,
    ]


async def test_a_command_ends_once(lane: Lane) -> None:
    """No key over all partitions could see to it."""
    start = await ended(lane)
    with pytest.raises(PromiseBroken):
        await lane.record([replace(a_recording(start), recorded_at=NOW)])


@pytest.fixture(params=[("postgresql", "unpartitioned_url"), ("sqlite", "sqlite_url")])
def real(request: pytest.FixtureRequest) -> tuple[Database, str]:
    """With the URL of the tables' owner."""
    database, url = (request.getfixturevalue(each) for each in request.param)
    return database, url


async def test_what_somebody_dropped_by_hand_is_not_taken_for_unfinished(
    real: tuple[Database, str],
) -> None:
    """Outcomes of last year, say, without a thought of their ids: they are retired all the same."""
    database, url = real
    lane = await Lane.opened(database)
    dropped, begun = await ended(lane), await lane.started()
    owner = create_async_engine(url, poolclass=NullPool)
    async with owner.begin() as connection:
        await connection.execute(delete(outcomes).where(outcomes.c.row_id == dropped.row_id))
    await owner.dispose()
    ids = [dropped.row_id, begun.row_id, uuid4()]
    async with lane.transaction() as transaction:
        assert (await transaction.find_commands(ids)).keys() == {begun.row_id}
        found = await transaction.find_by_coordinates([dropped.coordinates])
        assert dropped.row_id not in {each.start.row_id for each in found.values()}
        retired = await transaction.find_retired(ids)
    assert retired.keys() == {dropped.row_id}
    assert retired[dropped.row_id].is_of(dropped.content_hash)


# --- what was owed, and guests' keys ---


async def test_what_was_given_back_is_forgotten_and_what_is_owed_is_not(lane: Lane) -> None:
    done, recent, owed = (Undo(uuid4(), uuid4(), VENUE_ID, OWED) for _ in range(3))
    start = await lane.started()
    owing = a_recording(start, owed=(done, recent, owed))
    await lane.record([replace(owing, recorded_at=LONG_AGO)])
    for each, at in ((done, LONG_AGO), (recent, NOW)):
        settled = a_recording(await lane.started(), undo_done=each.id)
        await lane.record([replace(settled, recorded_at=at)])
    assert await lane.database.retention.forget_undo(BEFORE, 10) == Gone(1, is_all=True)
    assert await lane.database.retention.forget_undo(NOW + timedelta(1), 10) == Gone(1, True)
    async with lane.transaction() as transaction:
        assert (await transaction.find_undo([done.id, recent.id, owed.id])).keys() == {owed.id}


async def test_an_erased_guests_key_is_forgotten_once_it_is_told(lane: Lane) -> None:
    guests = [uuid4() for _ in range(3)]
    async with lane.transaction() as transaction:
        await transaction.guest_keys(dict.fromkeys(guests, LONG_AGO), LONG_AGO)
        (told,) = await transaction.destroy_keys(guests[:1], LONG_AGO)
        await transaction.destroy_keys(guests[1:2], LONG_AGO)
    await lane.database.keys.tombstones_told([told])
    assert (await lane.database.retention.forget_erased_keys(BEFORE, 10)).rows == 1
    async with lane.transaction() as transaction:
        found = await transaction.guest_keys(dict.fromkeys(guests[1:], LONG_AGO), NOW)
    assert found.erasures.keys() == {guests[1]}
    assert found.keys.keys() == {guests[2]}


# --- bookings ---


# --- bookings ---


async def test_bookings_that_ended_long_ago_go_with_their_history(lane: Lane) -> None:
    gone = [await booked(lane, each) for each in _ENDED]
    kept = [
        await booked(lane, Status.CONFIRMED),
        await booked(lane, Status.PENDING),
        await booked(lane, at=NOW),
    ]
    assert await retired_bookings(lane, limit=2) == len(_ENDED)
    reads = lane.database.reads
    assert (await reads.bookings([*gone, *kept])).keys() == set(kept)
    assert (await reads.histories([*gone, *kept])).keys() == set(kept)


async def test_its_id_and_its_reference_stay_taken(lane: Lane) -> None:
    id_ = await booked(lane)
    reference = (await lane.database.reads.bookings([id_]))[id_].reference
    assert await retired_bookings(lane) == 1
    another = uuid4()
    async with lane.transaction() as transaction:
        assert await transaction.take_references({another: reference}) == {another}


async def test_a_booking_of_which_something_is_owed_or_under_way_stays(lane: Lane) -> None:
    owing, under_way, settled = [await booked(lane) for _ in range(3)]
    owed = [Undo(uuid4(), each, VENUE_ID, OWED) for each in (owing, settled)]
    await lane.record([a_recording(await lane.started(), owed=tuple(owed))])
    await lane.record([a_recording(await lane.started(), undo_done=owed[1].id)])
    begun = await lane.started(booking_id=under_way)
    assert await retired_bookings(lane) == 1
    assert (await lane.database.reads.bookings([owing, under_way, settled])).keys() == {
        owing,
        under_way,
    }
    await lane.record([a_recording(begun)])
    assert await retired_bookings(lane) == 1


# --- what operators are told ---


async def test_a_database_whose_commands_are_all_retired_is_not_taken_for_a_new_one(
    sqlite: Database, sqlite_url: str
) -> None:
    """A replay would take all of the topic for never done."""
    settings = DatabaseSettings(sqlite_url)
    assert await sqlite.rebuilding.is_empty()
    old = await ended(await Lane.opened(sqlite))
    assert (await sqlite.retention.retire_commands(BEFORE, 10)).rows == 1
    assert not await sqlite.rebuilding.is_empty()
    async with open_pasts(settings, KEYS) as pasts:
        assert not await pasts.knows_nothing()
        assert old.row_id in await pasts.retired([old.row_id, uuid4()])
