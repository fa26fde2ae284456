"""Who looks at whole tables may take his time; nobody else may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database import engines
from adapters.database.database import open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from handlers.ports import DatabaseAway
from tests.adapters.database.migrated import url_of
from tests.adapters.database.sealing import KEYS
from tests.service.waiting import until


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server gives a statement up after 200 ms, and the driver an answer."""
    monkeypatch.setitem(engines._SESSION, "statement_timeout", "200")
    limits = engines.postgresql_engine.__kwdefaults__ or {}
    monkeypatch.setitem(limits, "answer_seconds", 0.2)


@pytest.fixture
async def owner(postgresql_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgresql_url, poolclass=NullPool)
    yield engine
    await engine.dispose()


async def waits_too_long(owner: AsyncEngine) -> bool:
    """Whether somebody has waited for a lock for longer than the limits."""
    waiting = (
        "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
        " and query_start < now() - interval '500 ms'"
    )
    async with owner.connect() as connection:
        return (await connection.execute(text(waiting))).first() is not None


@pytest.mark.parametrize("is_patient", [True, False])
async def test_the_end_of_a_rebuild_may_take_its_time(
    postgresql_url: str, owner: AsyncEngine, is_patient: bool
) -> None:
    """Millions of rows are not looked at in 30 s; here it is a lock that it has to wait for."""
    settings = DatabaseSettings(url_of(postgresql_url, Role.REBUILD))
    database = open_database(settings, KEYS, is_patient=is_patient)
    async with owner.begin() as locking:
        await locking.execute(text("lock table bookings in access exclusive mode"))
        ending = asyncio.create_task(database.rebuilding.whole())
        if is_patient:
            await until(lambda: waits_too_long(owner))
        else:
            with pytest.raises(DatabaseAway):
                await ending
    if is_patient:
        assert (await ending).bookings is not None
    await database.close()
