"""What is written of a command before and while its workflow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import column

from adapters.database.column_types import KNOWN_ID
from adapters.database.command_rows import command_row, coordinates_row, entry_row, started_row
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import commands, journal
from handlers.ports import Coordinates, JournalEntry, Sealer, Start


class Starting:
    """Writes starts and journal entries, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, sealer: Sealer) -> None:
        self._sealer = sealer
        self._start = documents.insert(
            commands, conflict="(row_id) do nothing", returning=[column("row_id", KNOWN_ID)]
        )
        self._enter = documents.insert(journal)
        others = ", ".join(column.name for column in commands.c if column is not commands.c.row_id)
        retired = documents.rows_typed({"row_id": commands.c.row_id, "retired": commands.c.row_id})
        # In this order: an outcome's row names its command's.
        self._retire = (
            documents.statement(
                f"insert into commands (row_id, {others}) select r.retired, {others}"
                f" from {retired} join commands on commands.row_id = r.row_id"
            ),
            documents.statement(
                f"update outcomes set row_id = r.retired from {retired}"
                " where outcomes.row_id = r.row_id"
            ),
            documents.delete(commands, commands.c.row_id),
        )
        self._adopt = documents.update(
            commands, commands.c.row_id, ["topic", "partition", "log_offset", "timestamp_ms"]
        )
        self._adopt_entry = documents.update(
            journal,
            journal.c.row_id,
            ["topic", "partition"],
            only_if="journal.sequence = 0",
            returning=[column("row_id", KNOWN_ID)],
        )

    async def start(self, session: Session, starts: Sequence[Start]) -> frozenset[UUID]:
        """Gives the rows that were not there; sorted, so that two lanes never wait in a ring."""
        in_order = sorted(starts, key=lambda start: start.row_id.int)
        rows = await session.run(self._start, [command_row(start) for start in in_order])
        written = frozenset(row.row_id for row in rows)
        await session.run(
            self._enter, [started_row(start) for start in in_order if start.row_id in written]
        )
        return written

    async def retire_ends(self, session: Session, row_ids: Mapping[UUID, UUID]) -> None:
        rows = [{"row_id": row_id, "retired": retired} for row_id, retired in row_ids.items()]
        for statement in self._retire:
            await session.run(statement, rows)

    async def adopt(self, session: Session, row_ids: Mapping[UUID, Coordinates]) -> None:
        """The entries first: who ends a command deletes its entry, and what another lane has ended
        meanwhile stays where that one laid it.
        """
        rows = [{"row_id": row_id, **coordinates_row(to)} for row_id, to in row_ids.items()]
        under_way = {row.row_id for row in await session.run(self._adopt_entry, rows)}
        await session.run(self._adopt, [row for row in rows if row["row_id"] in under_way])

    async def journal(self, session: Session, entries: Sequence[JournalEntry]) -> None:
        await session.run(self._enter, [entry_row(entry, self._sealer) for entry in entries])
