"""`database`: the same tests over PostgreSQL, SQLite and the fake; `lane`: one open lane of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.database import Database, open_database
from adapters.database.migrations import migrate
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import METADATA
from app.local_servers import PostgresServer
from tests.adapters.database.lane import Lane
from tests.adapters.database.migrated import migrated, run_statements, url_of
from tests.adapters.database.sealing import KEYS
from tests.fakes.database import FakeDatabase

# The one that a migration makes ends with the month before, and on the first of a month that is too
# young to be dropped.
PAST_ENDED: Final = """
    alter table outcomes detach partition outcomes_before;
    alter table outcomes attach partition outcomes_before
        for values from (minvalue) to ('2020-02-01Z')
"""


@pytest.fixture(scope="session")
def migrated_url(postgres: PostgresServer) -> Iterator[str]:
    """A database with all tables, one for all tests: emptying it is ten times quicker."""
    with migrated(postgres) as url:
        yield url


@pytest.fixture
async def postgresql_url(migrated_url: str) -> str:
    """A database with all tables, and nothing in them."""
    engine = create_async_engine(migrated_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("alter table audit disable trigger all"))
        for table in reversed(METADATA.sorted_tables):
            await connection.execute(delete(table))
        await connection.execute(text("alter table audit enable always trigger audit_keeps_rows"))
        await connection.execute(text("alter table audit enable always trigger audit_keeps_all"))
    await engine.dispose()
    return migrated_url


@pytest.fixture
def fresh_url(postgres: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with its partition for the past."""
    with migrated(postgres) as url:
        asyncio.run(run_statements(url, [PAST_ENDED]))
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A file with all tables, and nothing in them."""
    path = shutil.copy(sqlite_template, tmp_path / "bookings.sqlite3")
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def postgresql(postgresql_url: str) -> AsyncIterator[Database]:
    """Opened by somebody who may do no more than a worker has to."""
    database = open_database(DatabaseSettings(url_of(postgresql_url, Role.WORKER)), KEYS)
    yield database
    await database.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = open_database(DatabaseSettings(sqlite_url), KEYS)
    yield database
    await database.close()


@pytest.fixture
def memory() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture(params=["postgresql", "sqlite", "memory"])
def database(request: pytest.FixtureRequest) -> Database | FakeDatabase:
    """Each of the three in turn."""
    found: Database | FakeDatabase = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def lane(database: Database | FakeDatabase) -> Lane:
    return await Lane.opened(database)


@pytest.fixture
async def postgresql_lane(postgresql: Database) -> Lane:
    return await Lane.opened(postgresql)
