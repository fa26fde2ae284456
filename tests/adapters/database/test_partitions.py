"""Partitions are made, dropped and never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.database import open_database
from adapters.database.retention import OUTSIDE
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import outcomes
from app.local_servers import PostgresServer
from domain.retention import Period
from handlers.ports.retention import Gone
from tests.adapters.database.lane import Lane
from tests.adapters.database.migrated import migrated, url_of
from tests.adapters.database.retiring import (
    BEFORE,
    LONG_AGO,
    ended,
    retired_all,
)
from tests.adapters.database.sealing import KEYS


@pytest.fixture(scope="module")
def own_url(postgres: PostgresServer) -> Iterator[str]:
    """A database of this file's own: its partitions are changed."""
    with migrated(postgres) as url:
        yield url


@pytest.fixture
async def engine(own_url: str) -> AsyncIterator[AsyncEngine]:
    """As the tables' owner."""
    engine = create_async_engine(own_url, poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest.fixture
async def partitioned(own_url: str) -> AsyncIterator[Lane]:
    """Of somebody who may do no more than a worker has to."""
    database = open_database(DatabaseSettings(url_of(own_url, Role.WORKER)), KEYS)
    yield await Lane.opened(database)
    await database.close()


async def partitions(engine: AsyncEngine) -> dict[str, tuple[datetime | None, datetime | None]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("select * from retention_partitions()"))
        return {row.name: (row.since, row.until) for row in rows}


async def holding(engine: AsyncEngine, row_id: UUID) -> str:
    """The partition in which its outcome lies."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text("select cast(tableoid as regclass) from outcomes where row_id = :id"),
            {"id": row_id},
        )
        return str(found.scalar_one())


async def test_partitions_are_made_before_they_are_needed(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    """By somebody who owns no table; asked again, there is nothing to do."""
    retention = partitioned.database.retention
    before, ahead = await partitions(engine), timedelta(days=130)
    until = await retention.make_ahead(Period.DAY, ahead)
    assert until["outcomes"] >= datetime.now(UTC) + ahead
    made = await partitions(engine)
    assert made.keys() > before.keys()
    assert await retention.make_ahead(Period.DAY, ahead) == until
    assert await partitions(engine) == made
    ends = {until for _, until in made.values()}
    assert all(since in ends for since, _ in made.values()), "there is a gap"


async def test_events_are_kept_as_they_are_in_every_partition(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    """Those that were there when it was decided, and those made since (decision 0147)."""
    before = await partitions(engine)
    await partitioned.database.retention.make_ahead(Period.DAY, timedelta(days=135))
    assert (await partitions(engine)).keys() > before.keys()
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "select attrelid::regclass::text as partition, attstorage from pg_inherits"
                " join pg_attribute on attrelid = inhrelid and attname = 'events'"
                " where inhparent = 'outcomes'::regclass"
            )
        )
        storage = {row.partition: row.attstorage for row in found}
    assert storage.keys() >= {"outcomes_before", "outcomes_default", *before}
    assert set(storage.values()) == {b"e"}


async def test_a_partition_whose_time_is_over_is_dropped_and_its_ids_are_kept(
    fresh_url: str,
) -> None:
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane, engine = await Lane.opened(database), create_async_engine(fresh_url, poolclass=NullPool)
    old = [await ended(lane, datetime(2020, 1, n, tzinfo=UTC)) for n in range(1, 6)]
    open_ = await lane.started(decided=LONG_AGO)
    assert await holding(engine, old[0].row_id) == "outcomes_before"
    (until,) = [end for _, end in [(await partitions(engine))["outcomes_before"]] if end]
    assert await retired_all(lane, until - timedelta(seconds=1), limit=2) == 0
    assert await retired_all(lane, until, limit=2) == 5
    async with lane.transaction() as transaction:
        assert len(await transaction.find_retired([each.row_id for each in old])) == 5
        assert (await transaction.find_commands([open_.row_id]))[open_.row_id].outcome is None
    assert "outcomes_before" not in await partitions(engine)
    await engine.dispose()
    await database.close()


async def test_nothing_fails_for_want_of_a_partition(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    """It goes into one for everything; no partition is made of its own time, and that keeps no
    other one from being made.
    """
    retention = partitioned.database.retention
    until = (await retention.make_ahead(Period.DAY, timedelta(days=140)))["outcomes"]
    start = await ended(partitioned, until + timedelta(hours=3))
    assert await holding(engine, start.row_id) == OUTSIDE
    further = (await retention.make_ahead(Period.DAY, timedelta(days=145)))["outcomes"]
    assert further > until
    assert until not in [since for since, _ in (await partitions(engine)).values()]


async def test_who_may_call_the_functions_can_drop_nothing_that_is_young(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    ends = {name: until for name, (_, until) in (await partitions(engine)).items() if until}
    young = [name for name, until in ends.items() if until > datetime.now(UTC)]
    assert young
    worker = partitioned.database._engines[0]  # type: ignore[union-attr]
    for name in (*young, "bookings", "outcomes", "audit", OUTSIDE, "x; drop table bookings"):
        async with worker.connect() as connection:
            drop = connection.execute(text("select retention_drop(:name)"), {"name": name})
            with pytest.raises(DBAPIError, match="is no partition whose time is over"):
                await drop


async def test_a_lock_that_somebody_holds_is_not_waited_for_long(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    """Whoever reads keeps what lies outside of all partitions from being locked; who comes next
    would stand in line behind the one that wants the lock.
    """
    retention = partitioned.database.retention
    async with engine.connect() as reader, asyncio.timeout(5):
        await reader.execute(select(outcomes.c.row_id))
        until = await retention.make_ahead(Period.DAY, timedelta(days=150))
    assert await retention.make_ahead(Period.DAY, timedelta(days=150)) != until


async def test_two_who_retire_do_not_wait_for_each_other(
    partitioned: Lane, engine: AsyncEngine
) -> None:
    retention = partitioned.database.retention
    async with engine.begin() as other, asyncio.timeout(5):
        await other.execute(text("select pg_advisory_xact_lock(hashtext('booking retention'))"))
        assert await retention.retire_commands(BEFORE, 10) == Gone(0, is_all=True)


async def test_a_partition_that_is_read_is_dropped_later_and_nobody_waits(fresh_url: str) -> None:
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane, engine = await Lane.opened(database), create_async_engine(fresh_url, poolclass=NullPool)
    await ended(lane, datetime(2020, 1, 1, tzinfo=UTC))
    now = datetime.now(UTC)
    async with engine.connect() as reader, asyncio.timeout(5):
        await reader.execute(select(outcomes.c.row_id))
        assert await database.retention.retire_commands(now, 9) == Gone(1, is_all=True)
    assert "outcomes_before" in await partitions(engine)
    assert await database.retention.retire_commands(now, 9) == Gone(0, is_all=False)
    assert "outcomes_before" not in await partitions(engine)
    await engine.dispose()
    await database.close()


async def test_a_table_of_a_partitions_name_keeps_no_other_one_from_being_made(
    fresh_url: str,
) -> None:
    """Left by somebody who detached it, say; a worker that raised here would end."""
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    owner = create_async_engine(fresh_url, poolclass=NullPool)
    until_ = max(end for _, end in (await partitions(owner)).values() if end)
    async with owner.begin() as connection:
        await connection.execute(text(f"create table outcomes_{until_:%Y%m%d} (other integer)"))
    ahead = until_ + timedelta(days=40) - datetime.now(UTC)
    further = await database.retention.make_ahead(Period.MONTH, ahead)
    assert further["outcomes"] > until_ + timedelta(days=32)
    await owner.dispose()
    await database.close()
