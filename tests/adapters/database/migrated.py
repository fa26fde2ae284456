"""A database with all tables, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.database.migrations import migrate
from app.local_servers import PostgresServer


@contextmanager
def migrated(postgres: PostgresServer) -> Iterator[str]:
    """Its URL; the database is dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = asyncio.run(postgres.create_database(name))
    migrate(url)
    yield url
    asyncio.run(postgres.drop_database(name))
