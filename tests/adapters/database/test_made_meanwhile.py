"""A worker that makes partitions while migrations 0013 and 0014 come: all of them are alike.

Who waits for whom is seen in PostgreSQL, so that everybody stands where it is worst.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest

from adapters.database.migrations import migrate
from tests.service.waiting import until

MAKE: Final = "select retention_make_ahead('month', interval '300 days')"
MAKE_AS_BEFORE: Final = """
    create table outcomes_2100 (like outcomes, primary key (row_id));
    alter table outcomes attach partition outcomes_2100
        for values from ('2100-01-01Z') to ('2100-02-01Z')
"""
STORAGE: Final = """
    select inhrelid::regclass::text, attstorage
    from pg_inherits join pg_attribute on attrelid = inhrelid and attname = 'events'
    where inhparent = 'outcomes'::regclass
"""
WAITING: Final = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


class Server:
    """A database before migration 0013, and those who are at work on it."""

    def __init__(self, url: str, connections: list[asyncpg.Connection[Any]]) -> None:
        self._url = url
        self.worker, self.reader, self._onlooker = connections

    async def migrated(self) -> None:
        await asyncio.to_thread(migrate, self._url, "0014")

    async def waits(self, *tasks: asyncio.Task[Any]) -> None:
        """Until each of these waits for a lock, or has nothing to wait for."""

        async def all_do() -> bool:
            open_ = [each for each in tasks if not each.done()]
            return bool(await self._onlooker.fetchval(WAITING) >= len(open_))

        await until(all_do, within_seconds=10)

    async def storage(self) -> dict[str, bytes]:
        """How each partition keeps events: e is external, x is extended."""
        return dict(await self._onlooker.fetch(STORAGE))

    async def assert_alike(self, before: Mapping[str, bytes]) -> None:
        """Those that were there, those made meanwhile, and those made from now on."""
        await self.worker.execute(MAKE)
        after = await self.storage()
        assert after.keys() > before.keys()
        assert {name for name, how in after.items() if how != b"e"} == set()

    @asynccontextmanager
    async def held(self, lock: str) -> AsyncIterator[None]:
        async with self.reader.transaction():
            await self.reader.execute(f"lock table {lock} mode")
            yield


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Server]:
    await asyncio.to_thread(migrate, database_url, "0012")
    url = database_url.replace("+asyncpg", "")
    connections = [await asyncpg.connect(url) for _ in range(3)]
    yield Server(database_url, connections)
    for each in connections:
        await each.close()


async def test_who_is_about_to_make_one_in_the_old_way_is_waited_for(server: Server) -> None:
    """It has the lock that partitions are made under, and has made nothing yet."""
    before = await server.storage()
    async with asyncio.TaskGroup() as beside, server.worker.transaction():
        await server.worker.execute("select pg_advisory_xact_lock(hashtext('booking retention'))")
        migration = beside.create_task(server.migrated())
        await server.waits(migration)
        await server.worker.execute(MAKE_AS_BEFORE)
    await server.assert_alike(before)


async def test_who_comes_to_the_table_behind_the_migration_makes_none_in_the_old_way(
    server: Server,
) -> None:
    before = await server.storage()
    async with asyncio.TaskGroup() as beside, server.held("only outcomes in access exclusive"):
        migration = beside.create_task(server.migrated())
        await server.waits(migration)
        made = beside.create_task(server.worker.fetchval(MAKE))
        await server.waits(migration, made)
    await server.assert_alike(before)


async def test_who_looks_for_partitions_while_they_are_changed_makes_none_in_the_old_way(
    server: Server,
) -> None:
    """It waits until the migration has ended, and goes on with the function that it began with."""
    before = await server.storage()
    async with asyncio.TaskGroup() as beside, server.held("outcomes_default in access share"):
        migration = beside.create_task(server.migrated())
        await server.waits(migration)
        made = beside.create_task(server.worker.fetchval(MAKE))
        await server.waits(migration, made)
        assert not made.done()
    await server.assert_alike(before)
