"""Migrations with rows in place, and workers of the version before at work: up, and down again."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.database import migrations
from adapters.database.command_rows import command_row, outcome_row, started_row
from adapters.database.database import open_database
from adapters.database.documents import Documents
from adapters.database.migrations import migrate, unmigrate
from adapters.database.revisions import WorkerTooOld, pending_migrations, revisions
from adapters.database.session import transaction
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import commands, journal, outcomes
from app.cli.database_access import told
from handlers.ports import DatabaseAway, KnownCommand, Start
from tests.adapters.database.lane import Lane, a_recording, a_start
from tests.adapters.database.sealing import KEYS
from tests.adapters.database.test_migrations import empty_url
from tests.service.waiting import until

__all__ = ["empty_url"]  # the fixture: a database without tables, of either kind

BEFORE: Final = "0007"
# What a worker of that version is granted and runs, word for word.
OLD_GRANTS: Final = (
    "grant select, insert, update on table outcomes to {role}",
    "grant select, insert, update, delete on table commands, journal to {role}",
)
OLD_START: Final = (
    "insert into commands (row_id, principal, command_id, operation, content_hash, topic,"
    " partition, log_offset, timestamp_ms, origin_topic, origin_partition, origin_offset,"
    " origin_timestamp_ms, sent, decided, run) select row_id, principal, command_id, operation,"
    " content_hash, topic, partition, log_offset, timestamp_ms, topic, partition, log_offset,"
    " timestamp_ms, sent, sent, 0 from json_to_recordset(cast($1 as json)) as r(row_id UUID,"
    " principal TEXT, command_id UUID, operation TEXT, content_hash TEXT, topic TEXT,"
    " partition INTEGER, log_offset BIGINT, timestamp_ms BIGINT, sent TIMESTAMP WITH TIME ZONE)"
    " where true on conflict (row_id) do nothing returning commands.row_id"
)
OLD_ENTER: Final = (
    "insert into journal (row_id, sequence) select row_id, 0 from"
    " json_to_recordset(cast($1 as json)) as r(row_id UUID)"
)
OLD_FIND: Final = (
    "select commands.row_id, outcomes.status, outcomes.reply from"
    " json_to_recordset(cast($1 as json)) as r(row_id UUID) join commands on commands.row_id ="
    " r.row_id left join outcomes on outcomes.row_id = commands.row_id"
)
OLD_END: Final = (
    "insert into outcomes (row_id, status, code, reply, sealed, events, replayed_from, journal,"
    " recorded_at) select row_id, status, code, reply, sealed, events, replayed_from, journal,"
    " recorded_at from json_to_recordset(cast($1 as json)) as r(row_id UUID, status SMALLINT,"
    " code TEXT, reply TEXT, sealed TEXT, events TEXT, replayed_from UUID, journal TEXT,"
    " recorded_at TIMESTAMP WITH TIME ZONE)"
)
OLD_END_JOURNAL: Final = (
    "delete from journal where (row_id) in (select row_id from"
    " json_to_recordset(cast($1 as json)) as r(row_id UUID))"
)


class OldWorker:
    """A connection whose statements were prepared before anything was migrated."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def command(self) -> str:
        """Begun, found, ended and found again; gives its row id."""
        row_id, now = str(uuid4()), datetime.now(UTC).isoformat()
        start = {"row_id": row_id, "principal": "{}", "command_id": row_id, "operation": "x"}
        place = {"topic": "t", "partition": 0, "log_offset": 1, "timestamp_ms": 1, "sent": now}
        end = {"status": 201, "reply": "r", "events": "[]", "journal": "[]", "recorded_at": now}
        async with self._connection.transaction():
            await self._run(OLD_START, start | place | {"content_hash": "ab" * 32})
            await self._run(OLD_ENTER, {"row_id": row_id})
            assert [row["status"] for row in await self._run(OLD_FIND, start)] == [None]
        async with self._connection.transaction():
            await self._run(OLD_END, {"row_id": row_id} | end)
            await self._run(OLD_END_JOURNAL, {"row_id": row_id})
        assert [row["status"] for row in await self._run(OLD_FIND, start)] == [201]
        return row_id

    async def _run(self, sql: str, row: dict[str, Any]) -> Any:
        if sql not in self._prepared:
            self._prepared[sql] = await self._connection.prepare(sql)
        return await self._prepared[sql].fetch(json.dumps([row]))


async def test_a_worker_of_the_version_before_goes_on_through_every_step(
    database_url: str,
) -> None:
    """Under its own grants; and what it did is known to a worker of this version."""
    url, role = database_url.replace("+asyncpg", ""), f"old_{uuid4().hex[:8]}"
    await asyncio.to_thread(migrate, database_url, BEFORE)
    owner = await asyncpg.connect(url)
    await owner.execute(f"create role {role}")
    for grant in OLD_GRANTS:
        await owner.execute(grant.format(role=role))
    old = await asyncpg.connect(url)
    await old.execute(f"set role {role}")
    worker = OldWorker(old)
    done = [await worker.command()]
    for revision in await asyncio.to_thread(pending_migrations, database_url):
        await asyncio.to_thread(migrate, database_url, revision)
        done.append(await worker.command())
    known = await owner.fetch("select row_id from commands join outcomes using (row_id)")
    assert {str(row["row_id"]) for row in known} == set(done)
    where = {row[0] for row in await owner.fetch("select tableoid::regclass::text from outcomes")}
    assert where == {"outcomes_before"}, "nothing can be retired before the old workers are gone"
    bound = await owner.fetchval("select min(until) from retention_partitions()")
    assert bound > datetime.now(UTC) + timedelta(days=27)
    await old.close()
    await owner.execute(f"drop owned by {role}; drop role {role}")
    await owner.close()


async def test_the_large_table_is_looked_at_beside_those_who_write_it(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url, "0008")
    writer = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    async with writer.transaction(), asyncio.timeout(20):
        await writer.execute("lock table outcomes in row exclusive mode")
        await asyncio.to_thread(migrate, database_url, "0009")
    await writer.close()


async def test_the_first_outcome_of_all_may_be_written_while_0008_comes(database_url: str) -> None:
    """It is waited for, and looked at: partitions that begin at once would have no room for it."""
    await asyncio.to_thread(migrate, database_url, BEFORE)
    url = database_url.replace("+asyncpg", "")
    writer, owner = await asyncpg.connect(url), await asyncpg.connect(url)

    async def waits() -> bool:
        asked = "select exists (select 1 from pg_locks where not granted and locktype = 'relation')"
        return bool(await owner.fetchval(asked))

    async with asyncio.timeout(20), asyncio.TaskGroup() as beside, writer.transaction():
        await OldWorker(writer).command()
        beside.create_task(asyncio.to_thread(migrate, database_url, "0008"))
        await until(waits)
    await asyncio.to_thread(migrate, database_url)
    assert await owner.fetchval("select count(*) from outcomes_before") == 1
    await writer.close()
    await owner.close()


async def test_a_lock_that_is_not_to_be_had_is_told_as_what_it_is(database_url: str) -> None:
    """A migration waits for none for long: whoever came meanwhile would stand in line behind it."""
    await asyncio.to_thread(migrate, database_url)
    engine = create_async_engine(database_url)
    reader = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    async with reader.transaction():
        await reader.execute("lock table outcomes in access share mode")
        async with transaction(engine, Documents(engine.dialect)) as session:
            await session.run(text("set local lock_timeout = '50ms'"))
            with pytest.raises(DatabaseAway) as raised:
                await session.run(text("alter table outcomes rename to other"))
    await reader.close()
    await engine.dispose()
    assert "run it again" in str(told(raised.value))


async def written(url: str) -> tuple[Start, Start]:
    """A command that has ended and one that has only begun, in words that every version knows."""
    ended, begun = a_start(), a_start()
    engine = create_async_engine(url)
    documents = Documents(engine.dialect)
    async with transaction(engine, documents) as session:
        for start in (ended, begun):
            await session.run(documents.insert(commands), [command_row(start)])
        await session.run(documents.insert(journal), [started_row(begun)])
        await session.run(documents.insert(outcomes), [outcome_row(a_recording(ended))])
    await engine.dispose()
    return ended, begun


async def found(url: str, *starts: Start) -> list[KnownCommand]:
    database = open_database(DatabaseSettings(url), KEYS)
    async with (await Lane.opened(database)).transaction() as transaction:
        known = await transaction.find_commands([each.row_id for each in starts])
    await database.close()
    return [known[each.row_id] for each in starts]


async def test_what_stands_stays_where_it_is_up_and_down_again(empty_url: str) -> None:
    await asyncio.to_thread(migrate, empty_url, BEFORE)
    of_before = await written(empty_url)
    for _ in range(2):
        await asyncio.to_thread(migrate, empty_url)
        of_now = await written(empty_url)
        for ended, begun in (of_before, of_now):
            known, open_ = await found(empty_url, ended, begun)
            assert (known.start, open_.start) == (ended, begun)
            assert known.outcome == a_recording(ended).outcome
            assert open_.outcome is None
        await asyncio.to_thread(unmigrate, empty_url, BEFORE)
        engine = create_async_engine(empty_url)
        async with engine.connect() as connection:
            rows = await connection.execute(text("select count(*) from outcomes"))
            assert rows.scalar_one() >= 2
            twice = text("insert into outcomes select * from outcomes")
            with pytest.raises(IntegrityError):
                await connection.execute(twice)
        await engine.dispose()


async def test_ids_that_are_all_that_is_left_are_not_thrown_away(empty_url: str) -> None:
    await asyncio.to_thread(migrate, empty_url)
    engine = create_async_engine(empty_url)
    async with engine.begin() as connection:
        one = {"id": str(uuid4())}
        retired = "insert into retired_commands values (cast(:id as {0}), cast(:id as {0}))"
        kind = "uuid" if engine.dialect.name == "postgresql" else "text"
        await connection.execute(text(retired.format(kind)), one)
    await engine.dispose()
    with pytest.raises(RuntimeError, match="would do commands again"):
        await asyncio.to_thread(unmigrate, empty_url, BEFORE)
    assert await asyncio.to_thread(pending_migrations, empty_url) == []


async def test_commands_whose_outcomes_somebody_dropped_are_not_left_to_older_workers(
    empty_url: str,
) -> None:
    await asyncio.to_thread(migrate, empty_url)
    await written(empty_url)
    engine = create_async_engine(empty_url)
    async with engine.begin() as connection:
        await connection.execute(text("delete from outcomes"))
    await engine.dispose()
    with pytest.raises(RuntimeError, match="would do commands again"):
        await asyncio.to_thread(unmigrate, empty_url, BEFORE)


async def test_a_function_that_somebody_changed_is_not_passed_over(database_url: str) -> None:
    """Migration 0013 changes the one that makes partitions, by its text."""
    await asyncio.to_thread(migrate, database_url, "0012")
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        another = (
            "create or replace function retention_make_ahead(unit text, ahead interval)"
            " returns timestamptz language sql as 'select now()'"
        )
        await connection.execute(text(another))
    await engine.dispose()
    with pytest.raises(DBAPIError, match="as migration 0010 made it"):
        await asyncio.to_thread(migrate, database_url)
    assert await asyncio.to_thread(pending_migrations, database_url) == ["0013", "0014"]


# --- what versions promise each other ---


def scripts() -> dict[str, Any]:
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    config.set_main_option("path_separator", "os")
    oldest_last = ScriptDirectory.from_config(config).walk_revisions()
    return {each.revision: each.module for each in oldest_last}


def test_workers_know_the_migrations_that_alembic_applies() -> None:
    assert revisions() == tuple(scripts())[::-1]


def test_every_migration_says_which_workers_go_on_working() -> None:
    """From 0008 on: the version before at least, or a deploy cannot go one by one."""
    known = scripts()
    for revision, module in known.items():
        if revision > BEFORE:
            assert module.works_with in known, f"{revision} has no works_with"
            assert module.works_with < revision, f"{revision} leaves nobody at work"


async def test_a_worker_starts_on_a_newer_schema_that_promises_to_work_with_it(
    empty_url: str,
) -> None:
    await asyncio.to_thread(migrate, empty_url)
    ours = max(revisions())
    await newer(empty_url, "9998", ours)
    assert await asyncio.to_thread(pending_migrations, empty_url) == []
    await asyncio.to_thread(migrate, empty_url)
    await newer(empty_url, "9999", "9998")
    with pytest.raises(WorkerTooOld, match=f"9999, which works with .* 9998 on: .* of {ours}"):
        await asyncio.to_thread(pending_migrations, empty_url)
    with pytest.raises(WorkerTooOld):
        await asyncio.to_thread(migrate, empty_url)


async def newer(url: str, revision: str, works_with: str) -> None:
    """As a version leaves it that we do not know."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        at = {"revision": revision, "works_with": works_with}
        await connection.execute(text("update alembic_version set version_num = :revision"), at)
        promise = "insert into schema_promises values (:revision, :works_with)"
        await connection.execute(text(promise), at)
    await engine.dispose()


def test_what_is_promised_is_written_down_and_taken_back(tmp_path: Any) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3"
    migrate(url)
    unmigrate(url, "0009")
    assert asyncio.run(promised(url)) == {"0008": BEFORE, "0009": BEFORE}


async def promised(url: str) -> dict[str, str]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = await connection.execute(text("select revision, works_with from schema_promises"))
        found = {row.revision: row.works_with for row in rows}
    await engine.dispose()
    return found
