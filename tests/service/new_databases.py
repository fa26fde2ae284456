"""Databases beside the house's own: to be rebuilt into, and looked at."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from adapters.database.migrations import migrate
from app.local_servers import PostgresServer


async def a_new_database(postgres: PostgresServer) -> str:
    """The URL of an empty one, migrated."""
    url = await postgres.create_database(f"new_{uuid.uuid4().hex[:10]}")
    await asyncio.to_thread(migrate, url)
    return url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner's."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()
