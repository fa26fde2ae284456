"""What only SQLite needs: one process, one writer at a time, text that sorts like its values."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.database.column_types import instant_text
from adapters.database.database import Database, open_database
from adapters.database.settings import DatabaseSettings
from adapters.database.sqlite_lock import DatabaseInUse
from tests.adapters.database.lane import Lane, a_claim, a_start
from tests.adapters.database.sealing import KEYS

OPEN = """
import sys
from adapters.database.database import open_database
from tests.adapters.database.sealing import KEYS
from adapters.database.settings import DatabaseSettings
open_database(DatabaseSettings(sys.argv[1]), KEYS)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_worker_is_told_which_file_is_in_use(sqlite_url: str) -> None:
    worker = [sys.executable, "-c", OPEN, sqlite_url]
    with subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse, match=r"bookings\.sqlite3"):
            open_database(DatabaseSettings(sqlite_url), KEYS)
        first.kill()
    open_database(DatabaseSettings(sqlite_url), KEYS)  # the lock died with its process


async def test_a_closed_database_may_be_opened_again(sqlite_url: str) -> None:
    for _ in range(2):
        database = open_database(DatabaseSettings(sqlite_url), KEYS)
        assert await database.reads.bookings([]) == {}
        await database.close()


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        open_database(DatabaseSettings("sqlite+aiosqlite:///:memory:"), KEYS)


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        open_database(DatabaseSettings(f"sqlite+aiosqlite:///{tmp_path}/nowhere/b.sqlite3"), KEYS)


async def test_a_transaction_has_the_write_lock_from_its_beginning(sqlite: Database) -> None:
    lane = await Lane.opened(sqlite)
    writer = sqlite._engines[0]
    async with lane.transaction():
        pass
    async with writer.connect() as connection:
        await connection.begin()
        intruder = sqlite._engines[1]
        async with intruder.connect() as other:
            await other.execute(text("pragma query_only = off"))
            await other.execute(text("pragma busy_timeout = 0"))
            with pytest.raises(Exception, match="locked"):
                await other.execute(text("delete from claims"))


async def test_a_reader_does_not_wait_for_a_writer(sqlite: Database) -> None:
    lane = await Lane.opened(sqlite)
    async with lane.transaction() as transaction:
        await transaction.claim([(a_start().row_id, a_claim())])
        async with asyncio.timeout(2):
            assert await sqlite.reads.bookings([a_start().row_id]) == {}


async def test_foreign_keys_hold(sqlite: Database) -> None:
    async with sqlite._engines[0].connect() as connection:
        assert (await connection.execute(text("pragma foreign_keys"))).scalar() == 1


moments = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    datetime(2199, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)


@given(moments, moments)
def test_text_sorts_as_time_does(one: datetime, other: datetime) -> None:
    assert (instant_text(one) < instant_text(other)) == (one < other)
    assert datetime.fromisoformat(instant_text(one)) == one.astimezone(UTC)


async def test_the_connections_of_each_pool_are_told(sqlite: Database) -> None:
    def used(pool: str) -> float:
        return sum(
            count
            for count, labels in sqlite.connections()
            if labels == {"pool": pool, "state": "used"}
        )

    assert {labels["pool"] for _, labels in sqlite.connections()} == {"writing", "reading"}
    assert used("writing") == 0
    async with sqlite.lanes.transaction("commands", {}):
        assert used("writing") == 1
    assert used("writing") == 0
