"""A database filled in looks as workers would have left it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from adapters.database.migrations import migrate
from adapters.kafka.topics import TopicNames
from bench.filling import fill
from bench.processes import partners_running
from bench.stage import Stage

COUNT = 2_000


@pytest.fixture
async def filled(
    database_url: str, tmp_path: Path
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    await asyncio.to_thread(migrate, database_url)
    async with partners_running() as urls:
        log = tmp_path / "worker.log"
        stage = Stage("127.0.0.1:9", TopicNames("bench-filling"), database_url, urls, log)
        await fill(stage, COUNT, lambda _: None)
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def test_whatever_belongs_to_a_booking_is_there(
    filled: asyncpg.Connection[asyncpg.Record],
) -> None:
    for sentence, sql in {
        "so many bookings stand, beside the two that were copied": (
            f"select count(*) - {COUNT} - 2 from bookings"
        ),
        "each has its reference": (
            "select count(*) from bookings as b left join booking_references as r"
            " on r.reference = b.booking_reference and r.booking_id = b.id"
            " where r.reference is null"
        ),
        "each has a history": (
            "select count(*) from bookings as b where not exists"
            " (select from booking_history as h where h.booking_id = b.id)"
        ),
        "who is active holds a claim on the slot, nobody else does": (
            "select count(*) from bookings as b full join claims as c on c.booking_id = b.id"
            " where (b.status in ('pending', 'confirmed')) <> (c.booking_id is not null)"
            " or c.venue_id <> b.venue_id or lower(c.during) <> b.booking_time"
        ),
        "each guest has a key": (
            "select count(*) from bookings as b where not exists"
            " (select from guest_keys as k where k.guest_id = b.guest_id)"
        ),
        "what has ended has an outcome": (
            "select count(*) from commands full join outcomes using (row_id)"
            " where commands.row_id is null or outcomes.row_id is null"
        ),
        "no id is known twice": (
            "select count(*) from commands join retired_commands using (row_id)"
        ),
        "none is lost": (
            "select count(*) - (select count(*) from bookings) from"
            " (select row_id from commands union all select row_id from retired_commands) as known"
        ),
    }.items():
        assert await filled.fetchval(sql) == 0, sentence
