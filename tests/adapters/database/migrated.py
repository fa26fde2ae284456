"""A database with all tables, and people with the least rights, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.database.migrations import migrate
from adapters.database.rights import Role, grants
from app.local_servers import PostgresServer

_PASSWORD: Final = "rights"


@contextmanager
def migrated(postgres: PostgresServer) -> Iterator[str]:
    """Its URL; the database is dropped at the end, and so are those whom `url_of` is for."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = asyncio.run(postgres.create_database(name))
    migrate(url)
    made = [
        statement
        for role in Role
        for statement in (
            f"create role {_user(url, role)} login password '{_PASSWORD}'",
            *grants(role, _user(url, role), name),
        )
    ]
    asyncio.run(run_statements(url, made))
    yield url
    asyncio.run(postgres.drop_database(name))
    asyncio.run(run_statements(postgres.url, [f"drop role {_user(url, role)}" for role in Role]))


def url_of(url: str, role: Role) -> str:
    """The URL of somebody who may do what this role needs, and nothing else."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{_user(url, role)}:{_PASSWORD}@{host}"))


def _user(url: str, role: Role) -> str:
    return f"{urlsplit(url).path.removeprefix('/')}_{role}"


async def run_statements(url: str, statements: list[str]) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(";".join(statements))
    finally:
        await connection.close()
