"""What data that grows costs: `python -m bench.retention --rows 300000`.

On a PostgreSQL of its own: what a command writes before and after outcomes lay in partitions, and
what it takes to let old ones go, by moving ids and dropping a partition or by deleting row by row.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.command_rows import command_row, outcome_row, started_row
from adapters.database.documents import Documents
from adapters.database.engines import postgresql_engine
from adapters.database.migrations import migrate
from adapters.database.retention import SqlRetention
from adapters.database.session import transaction
from adapters.database.tables import commands, journal, outcomes, retired_commands
from app.local_servers import PostgresServer
from app.local_servers.servers import postgres_server
from handlers.ports import Coordinates, Recording, Start, StoredOutcome
from handlers.ports.retention import Day

_BATCH: Final = 200
_CHUNK: Final = 1_000
_REPLY, _EVENTS, _STORY = "r" * 1_200, "e" * 1_400, "s" * 600
# Of a size as real ones have, and of what does not compress better than they do.
_FILLED: Final = """
    with made as (
        insert into commands (row_id, principal, command_id, operation, content_hash, topic,
            partition, log_offset, timestamp_ms, origin_topic, origin_partition, origin_offset,
            origin_timestamp_ms, sent, decided, run, booking_id, reply_route)
        select gen_random_uuid(), '{"kind": "Guest", "id": "00000000-0000-4000-8000-0000000000a1"}',
            gen_random_uuid(), 'create_booking', md5(n::text) || md5((-n)::text),
            'booking.commands', n % 12, n, 1780000000000 + n, 'booking.commands', n % 12, n,
            1780000000000 + n, $1, $1, 0, gen_random_uuid(),
            '{"topic": "booking.replies", "headers": [["correlation_id", "0123456789abcdef"]]}'
        from generate_series(1, $2::integer) as n
        returning row_id, log_offset
    )
    insert into outcomes (row_id, status, reply, events, journal, recorded_at)
    select row_id, 201,
        (select string_agg(md5((log_offset * k)::text), '') from generate_series(1, 37) as k),
        (select string_agg(md5((log_offset + k)::text), '') from generate_series(1, 44) as k),
        (select string_agg(md5((log_offset - k)::text), '') from generate_series(1, 19) as k),
        $1
    from made
"""

_BOOKED: Final = """
    with made as (
        insert into bookings (id, booking_reference, guest_id, personal, venue_id, venue_type,
            booking_date, booking_time, duration_minutes, end_time, party_size, status, version,
            base_price, tax_amount, discount_amount, total_price, currency, price_source,
            payment_status, amount_paid, amount_refunded, inventory_reservation_id, created_at,
            updated_at, source)
        select gen_random_uuid(), 'BR-' || gen_random_uuid(), gen_random_uuid(), repeat('p', 400),
            md5((n % 1000)::text)::uuid, 'restaurant', $1::timestamptz::date, $1, 120, $1, 2,
            'completed', 4, 100, 10, 0, 110, 'EUR', 'quoted', 'succeeded', 110, 0, 'r', $1, $1,
            'app'
        from generate_series(1, $2::integer) as n
        returning id
    )
    insert into booking_history (booking_id, version, to_status, changed_by, created_at)
    select id, v, 'confirmed', 'guest:00000000-0000-4000-8000-0000000000a1', $1
    from made, generate_series(1, 4) as v
"""
_ROW_BY_ROW: Final = """
    with gone as (
        delete from outcomes_before where row_id in (
            select row_id from outcomes_before where recorded_at < $1 limit $2
        ) returning row_id
    ), kept as (
        insert into retired_commands
        select row_id, left(content_hash, 32)::uuid from commands join gone using (row_id)
    )
    delete from commands where row_id in (select row_id from gone) returning 1
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of letting so many commands go."""

    seconds: float
    wal_mb: float
    left_mb: float
    longest_ms: float


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000, help="commands that are let go")
    parser.add_argument("--batches", type=int, default=60, help="of 200 creates, written each way")
    asked = parser.parse_args()
    with postgres_server(lambda _: None) as server:
        asyncio.run(_bench(server, asked.rows, asked.batches))
    return 0


async def _bench(server: PostgresServer, rows: int, batches: int) -> None:
    async with _database(server, "0007") as plain, _database(server) as parted:
        before, after = await _written(plain, parted, batches)
        _say(f"start and end of a command: {before:.1f} µs plain, {after:.1f} µs in partitions")
    for by_row in (False, True):
        async with _database(server) as engine:
            cost = await _let_go(engine, rows, by_row=by_row)
        way = "row by row" if by_row else "ids moved, partition dropped"
        _say(
            f"{rows} commands, {way}: {cost.seconds:.1f} s, {cost.wal_mb:.0f} MB of WAL,"
            f" {cost.left_mb:.0f} MB left on disk, longest chunk {cost.longest_ms:.0f} ms"
        )
    async with _database(server) as engine:
        cost = await _let_bookings_go(engine, rows // 4)
    _say(
        f"{rows // 4} bookings with four changes each: {cost.seconds:.1f} s, {cost.wal_mb:.0f} MB"
        f" of WAL, longest chunk {cost.longest_ms:.0f} ms"
    )


@asynccontextmanager
async def _database(
    server: PostgresServer, revision: str | None = None
) -> AsyncIterator[AsyncEngine]:
    name = f"bench_{uuid4().hex[:12]}"
    url = await server.create_database(name)
    migrate(url, revision)
    engine = postgresql_engine(make_url(url), 2, read_only=False)
    yield engine
    await engine.dispose()
    await server.drop_database(name)


# --- what a command writes ---


async def _written(plain: AsyncEngine, parted: AsyncEngine, batches: int) -> tuple[float, float]:
    """Medians of the batches, in µs a command; they take turns."""
    await _run(
        parted,
        "insert into retired_commands select gen_random_uuid(), gen_random_uuid()"
        " from generate_series(1, 1000000)",
    )
    found: dict[bool, list[float]] = {False: [], True: []}
    ways = {is_parted: _Batch(e, is_parted) for e, is_parted in ((plain, False), (parted, True))}
    for number in range(batches + 5):
        for is_parted, way in ways.items():
            seconds = await way.write()
            if number >= 5:  # the first ones make plans
                found[is_parted].append(seconds / _BATCH * 1e6)
    return statistics.median(found[False]), statistics.median(found[True])


class _Batch:
    """The statements for commands themselves, in three transactions as lanes make them."""

    def __init__(self, engine: AsyncEngine, is_parted: bool) -> None:
        self._engine = engine
        self._is_parted = is_parted
        self._documents = documents = Documents(engine.dialect)
        self._start = documents.insert(
            commands, conflict="(row_id) do nothing", returning=[commands.c.row_id]
        )
        self._enter = documents.insert(journal)
        self._retired = documents.find(retired_commands, retired_commands.c.row_id)
        self._end = documents.insert(outcomes)
        self._end_journal = documents.delete(
            journal,
            journal.c.row_id,
            returning=[journal.c.row_id, journal.c.sequence] if is_parted else [],
        )

    async def write(self) -> float:
        now = datetime.now(UTC)
        starts = [_start(now, number) for number in range(_BATCH)]
        ids = [{"row_id": each.row_id} for each in starts]
        stored = StoredOutcome(201, None, _REPLY, _EVENTS, None)
        ends = [outcome_row(Recording(each.row_id, 0, stored, _STORY, now)) for each in starts]
        began = time.perf_counter()
        async with transaction(self._engine, self._documents) as session:
            if self._is_parted:
                await session.run(self._retired, ids)
            await session.run(self._start, [command_row(each) for each in starts])
            await session.run(self._enter, [started_row(each) for each in starts])
        async with transaction(self._engine, self._documents) as session:
            await session.run(self._end_journal, ids)
            await session.run(self._end, ends)
        return time.perf_counter() - began


def _start(now: datetime, number: int) -> Start:
    at = Coordinates("booking.commands", number % 12, number, 1_780_000_000_000)
    return Start(
        uuid4(), '{"kind": "Guest", "id": "00000000-0000-4000-8000-0000000000a1"}', uuid4(),
        "create_booking", uuid4().hex * 2, at, at, now, now, 0, uuid4(), "BR-20260602-ABCDEFGH",
        '{"topic": "booking.replies"}', uuid4(),
    )  # fmt: skip


# --- how old ones go ---


async def _let_go(engine: AsyncEngine, rows: int, *, by_row: bool) -> Cost:
    """All of them a hundred days old; by row: as they would go if no partition were dropped."""
    old = datetime.now(UTC) - timedelta(days=100)
    for chunk in _chunks(rows, 50_000):
        await _run(engine, _FILLED, old, chunk)
    await _run(engine, "vacuum analyze")
    took: list[float] = []
    wal, began = await _wal(engine), time.perf_counter()
    retention = SqlRetention(engine, Documents(engine.dialect))
    while True:
        here = time.perf_counter()
        if by_row:
            is_all = await _delete(engine, old + timedelta(days=1))
        else:
            is_all = (await retention.retire_commands(datetime.now(UTC), _CHUNK)).is_all
        took.append(time.perf_counter() - here)
        if is_all:
            break
    seconds = time.perf_counter() - began
    written = await _wal(engine) - wal
    await _run(engine, "vacuum")
    return Cost(seconds, written / 1e6, await _size(engine) / 1e6, max(took) * 1e3)


async def _let_bookings_go(engine: AsyncEngine, rows: int) -> Cost:
    old = datetime.now(UTC) - timedelta(days=100)
    for chunk in _chunks(rows, 25_000):
        await _run(engine, _BOOKED, old, chunk)
    await _run(engine, "vacuum analyze")
    took: list[float] = []
    wal, began, reached = await _wal(engine), time.perf_counter(), Day()
    retention, is_all = SqlRetention(engine, Documents(engine.dialect)), False
    while not is_all:
        here = time.perf_counter()
        gone, reached = await retention.retire_bookings(datetime.now(UTC), reached, _CHUNK)
        took.append(time.perf_counter() - here)
        is_all = gone.is_all
    seconds = time.perf_counter() - began
    return Cost(seconds, (await _wal(engine) - wal) / 1e6, 0, max(took) * 1e3)


async def _delete(engine: AsyncEngine, before: datetime) -> bool:
    """The same without a partition to drop: ids moved, and outcomes deleted, chunk by chunk."""
    return len(await _run(engine, _ROW_BY_ROW, before, _CHUNK)) < _CHUNK


def _chunks(rows: int, size: int) -> Sequence[int]:
    return [min(size, rows - begun) for begun in range(0, rows, size)]


async def _run(engine: AsyncEngine, sql: str, *values: object) -> list[Any]:
    connection = await asyncpg.connect(
        engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


async def _wal(engine: AsyncEngine) -> int:
    ((at,),) = await _run(engine, "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
    return int(at)


async def _size(engine: AsyncEngine) -> int:
    ((size,),) = await _run(
        engine,
        "select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and"
        " (relname like 'outcomes%' or relname in ('commands', 'retired_commands'))",
    )
    return int(size)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
