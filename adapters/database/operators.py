"""Connections for the command line: one beside the workers, without their lock on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.engines import postgresql_engine, sqlite_engine
from adapters.database.session import Session, reading, transaction
from adapters.database.settings import DatabaseSettings


def engine_for(
    settings: DatabaseSettings, *, read_only: bool, is_patient: bool = False
) -> AsyncEngine:
    """With a single connection; a patient one's statements may take their time."""
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite":
        return sqlite_engine(url, 1, read_only=read_only)
    return postgresql_engine(url, 1, read_only=read_only, is_patient=is_patient)


@asynccontextmanager
async def reading_with(engine: AsyncEngine) -> AsyncIterator[Session]:
    """Every statement sees what is committed when it runs; the engine is gone afterwards."""
    try:
        async with reading(engine, Documents(engine.dialect)) as session:
            yield session
    finally:
        await engine.dispose()


@asynccontextmanager
async def writing_with(engine: AsyncEngine) -> AsyncIterator[Session]:
    """One transaction; the engine is gone afterwards."""
    try:
        async with transaction(engine, Documents(engine.dialect)) as session:
            yield session
    finally:
        await engine.dispose()
