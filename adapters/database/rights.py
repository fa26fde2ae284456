"""Who needs which rights in PostgreSQL: the table that grants are made from, and no more than that.

A table that is new here needs a line in it; a test says so. Types and functions may be used by
everybody but those that are named here, and there are no sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url

from adapters.database.operators import engine_for, reading_with
from adapters.database.settings import DatabaseSettings

Rights = tuple[str, ...]
"""Words of GRANT, such as select or update (due_at); empty: none."""

_READ: Final[Rights] = ("select",)
_ADD: Final[Rights] = ("select", "insert")
_CHANGE: Final[Rights] = ("select", "insert", "update")
_ALL: Final[Rights] = ("select", "insert", "update", "delete")


class Role(StrEnum):
    """Whom rights are for."""

    WORKER = "worker"
    OPERATOR = "operator"
    REBUILD = "rebuild"


_VERSION: Final = "alembic_version"  # Alembic's own: what was migrated

WORKER: Final[Mapping[str, Rights]] = {
    _VERSION: _READ,
    "lanes": _CHANGE,
    "attempts": _ALL,
    "rebuild_progress": _READ,
    "schema_promises": _READ,
    "commands": _ALL,  # an ended one gives its id free by moving to another row
    "outcomes": _CHANGE,
    "retired_commands": _ADD,
    "journal": _ALL,
    "idempotency_keys": _ALL,
    "booking_references": _ADD,
    "bookings": _ALL,  # to delete: retention alone
    "booking_history": ("select", "insert", "delete"),
    "claims": ("select", "insert", "delete"),
    "undo": _ALL,
    "guest_keys": _ALL,
    "service_keys": _ADD,
    "rate_counts": _ALL,
    "audit": _ADD,  # nobody changes what stands there
    "audit_cuts": (),  # its owner alone says what may go
}
OPERATOR: Final[Mapping[str, Rights]] = {
    table: _READ for table in WORKER if table not in ("attempts", "idempotency_keys")
} | {
    "undo": ("select", "update (due_at, owed)"),  # owed, guest_keys and service_keys: rekey
    "guest_keys": ("select", "update (wrapped)"),
    "service_keys": ("select", "insert", "delete"),
    "audit": _ADD,
}
REBUILD: Final[Mapping[str, Rights]] = dict(WORKER) | {"rebuild_progress": _ALL}

# Made by migration 0010: they do as the tables' owner what has to be done with partitions.
_PARTITIONS: Final = "retention_partitions()"
_FUNCTIONS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.WORKER: (
        _PARTITIONS,
        "retention_make_ahead(text, interval)",
        "retention_drop(text)",
        "retention_take_outside(timestamptz, integer)",
    ),
    Role.OPERATOR: (_PARTITIONS,),
    Role.REBUILD: (),
}

OF_ROLE: Final[Mapping[Role, Mapping[str, Rights]]] = {
    Role.WORKER: WORKER,
    Role.OPERATOR: OPERATOR,
    Role.REBUILD: REBUILD,
}


def grants(role: Role, name: str, database: str) -> Sequence[str]:
    """Statements that give the PostgreSQL role `name` what it needs; the tables' owner runs them.

    Tables with the same rights share one.
    """
    to = f"to {_quoted(name)};"
    alike: dict[Rights, list[str]] = {}
    for table, rights in OF_ROLE[role].items():
        alike.setdefault(rights, []).append(table)
    return [
        f"grant connect on database {_quoted(database)} {to}",
        f"grant usage on schema public {to}",
        *(
            f"grant {', '.join(rights)} on table {', '.join(tables)} {to}"
            for rights, tables in alike.items()
            if rights
        ),
        *(f"grant execute on function {each} {to}" for each in _FUNCTIONS[role]),
    ]


async def lacking_rights(settings: DatabaseSettings) -> Sequence[str]:
    """What the worker's user may not do and has to, such as "insert on undo"; none on SQLite.

    The schema has to be up to date. Raises DatabaseAway.
    """
    if make_url(settings.url).get_backend_name() == "sqlite":
        return []
    asked = [(table, right) for table, rights in WORKER.items() for right in rights]
    query = text(
        "select name, right_ from unnest(cast(:tables as text[]), cast(:rights as text[]))"
        " as asked (name, right_) where not has_table_privilege(name, right_)"
    )
    may_not = text(
        "select name from unnest(cast(:functions as text[])) as asked (name)"
        " where not has_function_privilege(name, 'execute')"
    )
    async with reading_with(engine_for(settings, read_only=True)) as session:
        rows = await session.run(query, tables=_column(asked, 0), rights=_column(asked, 1))
        functions = await session.run(may_not, functions=list(_FUNCTIONS[Role.WORKER]))
    return [
        *(f"{row.right_} on {row.name}" for row in rows),
        *(f"execute on function {row.name}" for row in functions),
    ]


def _column(asked: Iterable[tuple[str, str]], number: int) -> list[str]:
    return [each[number] for each in asked]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
