"""A database that is away is told apart from a bug, and is used again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from adapters.database.database import Database, open_database
from adapters.database.revisions import pending_migrations
from adapters.database.settings import DatabaseSettings
from app.local_servers import PostgresServer
from handlers.ports import DatabaseAway
from tests.adapters.database.lane import PARTITION, TOPIC, Lane, a_recording, a_start
from tests.adapters.database.migrated import migrated
from tests.adapters.database.sealing import KEYS
from tests.fakes.database import FakeDatabase

NOBODY = "postgresql+asyncpg://postgres@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def migrated_url(own_postgres: PostgresServer) -> Iterator[str]:
    """On a server that may be killed: the other tests' server is everybody's."""
    with migrated(own_postgres) as url:
        yield url


@pytest.fixture
def killable(own_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """Runs again after the test."""
    yield own_postgres
    own_postgres.start()


async def test_a_server_that_is_killed_is_away_until_it_is_back(
    postgresql_lane: Lane, killable: PostgresServer
) -> None:
    lane, start, lost = postgresql_lane, await postgresql_lane.started(), a_start()

    async def lose_the_server() -> None:
        async with lane.transaction() as transaction:
            await transaction.start([lost])
            await asyncio.to_thread(killable.kill)
            await transaction.find_commands([start.row_id])

    with pytest.raises(DatabaseAway):
        await lose_the_server()
    with pytest.raises(DatabaseAway):
        await lane.started()
    with pytest.raises(DatabaseAway):
        await lane.database.reads.bookings([start.row_id])
    with pytest.raises(DatabaseAway):
        await lane.database.lanes.open_lane(TOPIC, PARTITION)
    await asyncio.to_thread(killable.start)
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([start.row_id, lost.row_id])
    assert found.keys() == {start.row_id}
    assert await lane.database.reads.bookings([start.row_id]) == {}


async def test_a_server_that_dies_before_the_commit_is_away(
    postgresql_lane: Lane, killable: PostgresServer
) -> None:
    async def commit_to_nobody() -> None:
        async with postgresql_lane.transaction() as transaction:
            await transaction.start([a_start()])
            await asyncio.to_thread(killable.kill)

    with pytest.raises(DatabaseAway):
        await commit_to_nobody()


async def test_a_server_that_was_never_there_is_away() -> None:
    database = open_database(DatabaseSettings(NOBODY), KEYS)
    with pytest.raises(DatabaseAway):
        await database.lanes.open_lane(TOPIC, PARTITION)
    with pytest.raises(DatabaseAway):
        pending_migrations(NOBODY)
    await database.close()


async def test_a_fake_that_is_told_to_be_away_is_away() -> None:
    database = FakeDatabase()
    lane = await Lane.opened(database)
    database.away = True
    with pytest.raises(DatabaseAway):
        await lane.started()


async def test_a_broken_rule_is_not_an_outage(postgresql_lane: Lane, sqlite: Database) -> None:
    for lane in (postgresql_lane, await Lane.opened(sqlite)):
        start = await lane.started()
        recording = a_recording(start)
        with pytest.raises(DBAPIError, match=r"outcomes"):
            async with lane.transaction() as transaction:
                await transaction.record([recording, recording])


def test_the_password_is_not_shown() -> None:
    shown = repr(DatabaseSettings("postgresql+asyncpg://me:secret@db/bookings"))
    assert "secret" not in shown
