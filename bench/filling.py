"""A database with millions of bookings, as workers would have left it after a year.

One real create is copied, row by row in each of its tables, under other ids and times; so texts
are as long as real ones. Nineteen of twenty bookings are over; the others hold claims on venues
that no load asks for. Replies are kept for 90 days, as by default; of older commands the id is
left. What is sealed was sealed for the guest of the first one: nobody reads it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import asyncpg
from sqlalchemy import Table

from adapters.database.tables import (
    audit,
    booking_history,
    booking_references,
    bookings,
    claims,
    commands,
    guest_keys,
    idempotency_keys,
    outcomes,
    retired_commands,
)
from bench.load import creates
from bench.recording import recorded
from bench.report import number
from bench.stage import SECRET, Stage

_CHUNK: Final = 50_000
_VENUES: Final = 20_000
_DAYS, _KEPT_DAYS = 365, 90


def _id(kind: str, of: str = "n") -> str:
    return f"md5('{kind}' || {of})::uuid"


def _timed(kind: str) -> str:
    """As what a command gives away is named beside its id, that of a publisher who heeds
    docs/publishing.md: one in three seconds, for a year.
    """
    hashed = f"md5('{kind}' || n)"
    time = "lpad(to_hex(1735689600000 + n * 3000::bigint), 12, '0')"
    return f"({time} || '7' || substr({hashed}, 1, 3) || '8' || substr({hashed}, 4, 15))::uuid"


_STARTS: Final = (
    "case when n % 20 = 0"
    f" then date_trunc('day', now()) + interval '3 days' + n / 20 / {_VENUES} * interval '3 hours'"
    f" else date_trunc('day', now()) - (1 + n % {_DAYS}) * interval '1 day' end"
)
_MADE: Final = f"now() - (1 + n % {_DAYS}) * interval '1 day'"
_OWN: Final[Mapping[str, str]] = {
    "row_id": _timed("row"),
    "command_id": _timed("command"),
    "message_id": _timed("command"),
    "booking_id": _timed("booking"),
    "guest_id": _id("guest", "n / 3"),
    "venue_id": _id("venue", f"n / 20 % {_VENUES}"),
    "key_id": _id("key"),
    "claim_id": _timed("claim"),
    "booking_reference": "'BR-20260101-' || upper(lpad(to_hex(n), 9, '0'))",
    "reference": "'BR-20260101-' || upper(lpad(to_hex(n), 9, '0'))",
    "topic": "'filled.commands'",
    "origin_topic": "'filled.commands'",
    "partition": "n % 12",
    "origin_partition": "n % 12",
    "log_offset": "n",
    "origin_offset": "n",
    "booking_time": _STARTS,
    "end_time": f"{_STARTS} + interval '2 hours'",
    "starts_at": _STARTS,
    "ends_at": f"{_STARTS} + interval '2 hours'",
    "during": f"tstzrange({_STARTS}, {_STARTS} + interval '2 hours')",
    "booking_date": f"({_STARTS})::date",
    "status": "case when n % 20 = 0 then 'confirmed' else 'completed' end",
    "sweep_at": "null::timestamptz",
    "expires_at": "null::timestamptz",
    **dict.fromkeys(("created_at", "updated_at", "recorded_at", "sent", "decided", "at"), _MADE),
}
"""What differs from copy to copy, by the name of the column; everything else is copied."""

_TABLES: Final[tuple[tuple[Table, str, Mapping[str, str]], ...]] = (
    (bookings, "true", {"id": _timed("booking")}),
    (booking_references, "true", {}),
    (booking_history, "true", {}),
    (claims, "n % 20 = 0", {}),
    (guest_keys, "n % 3 = 0", {"key_id": _timed("sealing")}),
    (commands, f"n % {_DAYS} < {_KEPT_DAYS}", {}),
    (outcomes, f"n % {_DAYS} < {_KEPT_DAYS}", {"status": "t.status"}),
    (
        retired_commands,
        f"n % {_DAYS} >= {_KEPT_DAYS}",
        {"content": _id("content")},
    ),
    (idempotency_keys, f"n % {_DAYS} = 0", {"expires_at": "now() + interval '12 hours'"}),
    (
        audit,
        "true",
        {"chain": "'filled.commands/' || n % 12", "sequence": "n", "key_id": "t.key_id"},
    ),
)
"""Each table, which of the copies have a row in it, and what only this table's columns are."""


async def fill(stage: Stage, count: int, say: Callable[[str], None]) -> None:
    """So many bookings and all that belongs to them, into a database without any."""
    if count == 0:
        return
    await recorded(creates(2, SECRET), stage.environment)
    connection = await asyncpg.connect(stage.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute("set synchronous_commit = off")
        await connection.execute("set session_replication_role = replica")  # references: as made
        for first in range(0, count, _CHUNK):
            last = min(first + _CHUNK, count)
            for table, which, own in _TABLES:
                await connection.execute(_copied(table, which, own), first, last - 1)
            say(f"{number(last)} of {number(count)} bookings filled in")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _copied(table: Table, which: str, own: Mapping[str, str]) -> str:
    """`$1` to `$2` are the copies' numbers; claims have two columns that only PostgreSQL knows."""
    names = [column.name for column in table.c]
    if table is claims:
        names += ["unit", "during"]
    if table is retired_commands:
        source = "(select 1) as t"
    else:
        original = "where item is not null" if table is claims else ""
        source = f"(select * from {table.name} {original} order by ctid limit 1) as t"  # noqa: S608
    values = [own.get(name, _OWN.get(name, f"t.{name}")) for name in names]
    return (
        f"insert into {table.name} ({', '.join(names)}) select {', '.join(values)}"  # noqa: S608
        f" from {source}, generate_series($1::integer, $2::integer) as n where {which}"
    )
