"""The migrations build what the statements expect, from nothing and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, Dialect, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.database.migrations import migrate, unmigrate
from adapters.database.revisions import pending_migrations
from adapters.database.tables import METADATA


@pytest.fixture(params=["postgresql", "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3"
    url: str = request.getfixturevalue("database_url")
    return url


# What PostgreSQL's claims have beside the tables in code, and what they do without.
RANGES = {"unit", "during"}
CONSTRAINT = "claims_do_not_overlap"
ONLY_SQLITE = {"claims_by_venue", "outcomes_by_time"}
PARTITIONED = "outcomes"  # its partitions have the key

Shape = dict[str, tuple[set[tuple[str, str, bool]], set[str], set[str]]]
"""By table: columns with type and whether they may be null, key columns, indexes."""


def built(connection: Connection) -> Shape:
    inspector = inspect(connection)
    return {
        name: (
            {
                (each["name"], each["type"].compile(connection.dialect), each["nullable"])
                for each in inspector.get_columns(name)
                if each["name"] not in RANGES
            },
            set(inspector.get_pk_constraint(_keyed(name, connection))["constrained_columns"]),
            {
                str(each["name"])
                for each in inspector.get_indexes(name)
                if "duplicates_constraint" not in each
            }
            - {CONSTRAINT},
        )
        for name in inspector.get_table_names()
        if name != "alembic_version" and not name.startswith(f"{PARTITIONED}_")
    }


def _keyed(name: str, connection: Connection) -> str:
    is_partitioned = name == PARTITIONED and connection.dialect.name == "postgresql"
    return f"{name}_default" if is_partitioned else name


def coded(dialect: Dialect) -> Shape:
    left_out = ONLY_SQLITE if dialect.name == "postgresql" else set()
    return {
        table.name: (
            {(each.name, each.type.compile(dialect), bool(each.nullable)) for each in table.c},
            {each.name for each in table.primary_key},
            {str(each.name) for each in table.indexes if each.name not in left_out},
        )
        for table in METADATA.tables.values()
    }


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
async def test_the_migrations_build_the_tables_that_the_code_knows(empty_url: str) -> None:
    migrate(empty_url)
    engine = create_async_engine(empty_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(built) == coded(engine.dialect)
    await engine.dispose()


async def test_what_is_pending_is_named_until_it_is_applied(empty_url: str) -> None:
    assert pending_migrations(empty_url)[:2] == ["0001", "0002"]
    migrate(empty_url)
    assert pending_migrations(empty_url) == []


async def test_a_migration_can_be_taken_back_and_made_again(empty_url: str) -> None:
    for _ in range(2):
        migrate(empty_url)
        unmigrate(empty_url)
        assert pending_migrations(empty_url)[:2] == ["0001", "0002"]


async def test_two_who_migrate_at_once_do_not_get_in_each_others_way(database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, database_url) for _ in range(2)))
    assert pending_migrations(database_url) == []
