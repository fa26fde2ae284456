"""`database`: the same tests over PostgreSQL, SQLite and the fake; `lane`: one open lane of it."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.database.database import Database, open_database
from adapters.database.migrations import migrate
from adapters.database.settings import DatabaseSettings
from app.local_servers import PostgresServer
from tests.adapters.database.lane import Lane
from tests.fakes.database import FakeDatabase


@pytest.fixture(scope="session")
def postgresql_template(postgres: PostgresServer) -> Iterator[str]:
    """The name of a migrated database that is copied for each test."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    migrate(asyncio.run(postgres.create_database(name)))
    yield name
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
async def postgresql_url(postgres: PostgresServer, postgresql_template: str) -> AsyncIterator[str]:
    """A database with all tables, and nothing in them."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield await postgres.create_database(name, postgresql_template)
    await postgres.drop_database(name)


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
    database = open_database(DatabaseSettings(postgresql_url))
    yield database
    await database.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = open_database(DatabaseSettings(sqlite_url))
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
