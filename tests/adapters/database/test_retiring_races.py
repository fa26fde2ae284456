"""What races with those who retire, or fails them half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database.database import open_database
from adapters.database.documents import Document
from adapters.database.retention import SqlRetention
from adapters.database.rights import Role
from adapters.database.session import Session
from adapters.database.settings import DatabaseSettings
from domain.undo import Undo
from handlers.ports import DatabaseAway
from tests.adapters.database.lane import Lane, a_recording
from tests.adapters.database.migrated import url_of
from tests.adapters.database.retiring import (
    OWED,
    booked,
    ended,
    retired_all,
    retired_bookings,
)
from tests.adapters.database.sealing import KEYS
from tests.builders import VENUE_ID
from tests.service.waiting import until


async def test_a_chunk_whose_commit_failed_is_moved_again(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or its partition would be dropped, and its commands be done once more when they are repeated:
    without an outcome they look as if they had never ended.
    """
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane = await Lane.opened(database)
    starts = [await ended(lane, datetime(2020, 1, n, tzinfo=UTC)) for n in range(1, 10)]
    retention, brief, fails = database.retention, SqlRetention._brief, [False, True, True]

    @asynccontextmanager
    async def failing(self: SqlRetention) -> AsyncIterator[Session]:
        async with brief(self) as session:
            yield session
            if fails and fails.pop():
                raise DatabaseAway("the commit failed")

    monkeypatch.setattr(SqlRetention, "_brief", failing)
    for _ in range(2):
        with pytest.raises(DatabaseAway):
            await retention.retire_commands(datetime.now(UTC), 4)
    await retired_all(lane, datetime.now(UTC), limit=4)
    async with lane.transaction() as transaction:
        ids = [each.row_id for each in starts]
        assert len(await transaction.find_retired(ids)) == len(ids)
        assert await transaction.find_commands(ids) == {}
    await database.close()


async def test_a_command_that_is_begun_anew_is_not_taken_with_its_old_end(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its letter was put back between the look at its partition and the move: it is under way."""
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane = await Lane.opened(database)
    failed = await ended(lane, datetime(2020, 1, 1, tzinfo=UTC))
    assert isinstance(database.retention, SqlRetention)
    statements = database.retention._statements
    move = statements.move

    async def put_back_before(session: Session, rows: Document) -> int:
        async with lane.transaction() as transaction:
            await transaction.retire_ends({failed.row_id: uuid4()})
            await transaction.start([replace(failed, run=1)])
        return await move(session, rows)

    monkeypatch.setattr(statements, "move", put_back_before)
    await database.retention.retire_commands(datetime.now(UTC), 10)
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([failed.row_id])
        assert found[failed.row_id].start.run == 1
        assert await transaction.find_retired([failed.row_id]) == {}
    await database.close()


async def test_who_begins_a_command_anew_waits_until_its_old_end_is_moved(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what was just begun would be deleted in place of what had ended."""
    engine = create_async_engine(fresh_url, poolclass=NullPool)
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane = await Lane.opened(database)
    failed = await ended(lane, datetime(2020, 1, 1, tzinfo=UTC))
    run = Session.run

    async def put_back() -> None:
        async with lane.transaction() as transaction:
            await transaction.retire_ends({failed.row_id: uuid4()})
            await transaction.start([replace(failed, run=1)])

    begun: list[asyncio.Task[None]] = []

    async def waits_or_ended(task: asyncio.Task[None]) -> bool:
        return task.done() or await somebody_waits(engine)

    async def begins_meanwhile(
        self: Session, statement: Any, rows: Any = None, **named: Any
    ) -> Any:
        if "insert into retired_commands" in str(statement):
            monkeypatch.setattr(Session, "run", run)
            begun.append(asyncio.create_task(put_back()))
            await until(lambda: waits_or_ended(begun[0]))
        return await run(self, statement, rows, **named)

    monkeypatch.setattr(Session, "run", begins_meanwhile)
    await database.retention.retire_commands(datetime.now(UTC), 10)
    await begun[0]
    async with lane.transaction() as transaction:
        assert (await transaction.find_commands([failed.row_id]))[failed.row_id].start.run == 1
    await engine.dispose()
    await database.close()


async def somebody_waits(engine: AsyncEngine) -> bool:
    """For a lock, anywhere on this server."""
    async with engine.connect() as connection:
        waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' limit 1"
        return (await connection.execute(text(waits))).first() is not None


async def test_what_is_owed_a_moment_before_its_booking_goes_is_not_forgotten(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane = await Lane.opened(database)
    booking_id = await booked(lane)
    owed = Undo(uuid4(), booking_id, VENUE_ID, OWED)
    run = Session.run

    async def owes_first(self: Session, statement: Any, rows: Any = None, **named: Any) -> Any:
        if "delete from booking_history" in str(statement):
            monkeypatch.setattr(Session, "run", run)
            await lane.record([a_recording(await lane.started(), owed=(owed,))])
        return await run(self, statement, rows, **named)

    monkeypatch.setattr(Session, "run", owes_first)
    await retired_bookings(lane)
    async with lane.transaction() as transaction:
        assert (await transaction.find_undo([owed.id])).keys() == {owed.id}
    await database.close()
