"""Commands that were seen before: with their outcome, or with what was heard so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Integer, Row, column
from sqlalchemy.sql.selectable import TextualSelect

from adapters.database.command_rows import coordinates_row, entry_of, outcome_of, start_of
from adapters.database.documents import Documents
from adapters.database.guest_keys import GuestKeys
from adapters.database.session import Session
from adapters.database.tables import commands, journal, outcomes, retired_commands
from handlers.ports import CannotOpen, Coordinates, KnownCommand, RetiredCommand, Sealer, key_id_of

_OUTCOME: Final = [
    outcomes.c[name] for name in ("status", "code", "reply", "events", "replayed_from", "sealed")
]
_COORDINATES: Final = [
    commands.c[name] for name in ("topic", "partition", "log_offset", "timestamp_ms")
]
# In the same statement as the outcome: it may end between two of them.
UNDER_WAY: Final = (
    "exists (select 1 from journal where journal.row_id = commands.row_id and journal.sequence = 0)"
)


class KnownCommands:
    """Finds commands by identity or by where they lie in the log."""

    def __init__(self, documents: Documents, keys: GuestKeys, sealer: Sealer) -> None:
        self._sealer = sealer
        self._keys = keys
        self._by_id = _finding(documents, [commands.c.row_id])
        self._by_coordinates = _finding(documents, _COORDINATES)
        # Also of those whose outcomes somebody dropped without moving their ids out.
        self._retired = documents.select(
            f"with asked as (select row_id from {documents.rows([commands.c.row_id])})"
            " select row_id, content from retired_commands"
            " where row_id in (select row_id from asked)"
            f" union all select commands.row_id, {documents.half_of('commands.content_hash')}"
            " from asked join commands on commands.row_id = asked.row_id"
            f" where not {UNDER_WAY} and not exists"
            " (select 1 from outcomes where outcomes.row_id = commands.row_id)",
            *retired_commands.c,
        )
        self._heard = documents.select(
            "select journal.row_id, journal.sequence, journal.body from journal"
            " where journal.sequence > 0 and journal.row_id in"
            f" (select row_id from {documents.rows([journal.c.row_id])})"
            " order by journal.row_id, journal.sequence",
            journal.c.row_id,
            journal.c.sequence,
            journal.c.body,
        )

    async def by_id(self, session: Session, row_ids: Sequence[UUID]) -> Mapping[UUID, KnownCommand]:
        rows = await session.run(self._by_id, [{"row_id": row_id} for row_id in row_ids])
        return {known.start.row_id: known for known in await self._known(session, rows)}

    async def retired(
        self, session: Session, row_ids: Sequence[UUID]
    ) -> Mapping[UUID, RetiredCommand]:
        rows = await session.run(self._retired, [{"row_id": row_id} for row_id in row_ids])
        return {row.row_id: RetiredCommand(row.row_id, row.content) for row in rows}

    async def by_coordinates(
        self, session: Session, coordinates: Sequence[Coordinates]
    ) -> Mapping[Coordinates, KnownCommand]:
        rows = await session.run(
            self._by_coordinates, [coordinates_row(each) for each in coordinates]
        )
        return {known.start.coordinates: known for known in await self._known(session, rows)}

    async def _known(self, session: Session, found: Sequence[Row[Any]]) -> Sequence[KnownCommand]:
        # What has neither is retired: it began once, and is under way no more.
        rows = [row for row in found if row.status is not None or row.is_under_way]
        heard: dict[UUID, list[str]] = defaultdict(list)
        in_flight = [{"row_id": row.row_id} for row in rows if row.status is None]
        for entry in await session.run(self._heard, in_flight):
            heard[entry.row_id].append(self._body(entry))
        keys = await self._keys.opening(session, (row.sealed for row in rows))
        return [
            KnownCommand(
                start_of(row),
                outcome_of(row),
                tuple(heard[row.row_id]),
                keys.get(key_id_of(row.sealed)) if row.sealed else None,
            )
            for row in rows
        ]

    def _body(self, entry: Row[Any]) -> str:
        """As it lies there when nobody can open it: who reads it then says so."""
        try:
            return entry_of(entry, self._sealer)
        except CannotOpen:
            return str(entry.body)


def _finding(documents: Documents, keys: Sequence[Column[Any]]) -> TextualSelect:
    columns = [*commands.c, *_OUTCOME]
    names = ", ".join(f"{each.table.name}.{each.name}" for each in columns)
    under_way = f"case when {UNDER_WAY} then 1 else 0 end"
    same = " and ".join(f"commands.{each.name} = r.{each.name}" for each in keys)
    return documents.select(
        f"select {names}, {under_way} from {documents.rows(keys)} join commands on {same}"
        " left join outcomes on outcomes.row_id = commands.row_id",
        *columns,
        column("is_under_way", Integer()),
    )
