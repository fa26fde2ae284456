"""How large what grows has become, for operators: by table, and on PostgreSQL by partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Text, bindparam, column, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.database.column_types import INSTANT
from adapters.database.operators import engine_for, reading_with
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import METADATA

GROWING: Final = (
    *("outcomes", "commands", "retired_commands", "idempotency_keys"),
    *("bookings", "booking_history", "booking_references", "undo", "guest_keys", "audit"),
)
# Rows as the planner believes them, which costs nothing; -1 is what it has never counted.
_SIZES: Final = (
    text(
        """
        select c.relname as name, cast(greatest(c.reltuples, 0) as bigint) as rows,
            pg_total_relation_size(c.oid) as bytes, p.since, p.until
        from pg_class as c left join retention_partitions() as p on p.name = c.relname
        where c.relnamespace = cast(current_schema() as regnamespace) and c.relkind = 'r'
            and (p.name is not null or c.relname = any(:names))
        order by p.name is null, p.until nulls last, array_position(:names, c.relname)
        """
    )
    .bindparams(bindparam("names", type_=ARRAY(Text())))
    .columns(
        column("name", Text()),
        column("rows", BigInteger()),
        column("bytes", BigInteger()),
        column("since", INSTANT),
        column("until", INSTANT),
    )
)


@dataclass(frozen=True, slots=True)
class Grown:
    """A table, or one partition of outcomes."""

    name: str
    rows: int  # on PostgreSQL as of the last time that it was analysed
    bytes: int | None  # with indexes; SQLite does not tell
    since: datetime | None = None  # of a partition; None: it has no beginning
    until: datetime | None = None


async def grown(settings: DatabaseSettings) -> Sequence[Grown]:
    """Partitions first, in their order. Raises DatabaseAway."""
    engine = engine_for(settings, read_only=True)
    async with reading_with(engine) as session:
        if engine.dialect.name == "postgresql":
            rows = await session.run(_SIZES, names=list(GROWING))
            return [Grown(r.name, r.rows, r.bytes, r.since, r.until) for r in rows]
        found = []
        for name in GROWING:
            count = select(func.count()).select_from(METADATA.tables[name])
            ((counted,),) = await session.run(count)
            found.append(Grown(name, int(counted), None))
        return found
