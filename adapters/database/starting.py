"""What is written of a command before and while its workflow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.database.command_rows import command_row, coordinates_row, started_row
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import commands, journal, outcomes
from handlers.ports import Coordinates, JournalEntry, Start


class Starting:
    """Writes starts and journal entries, inside a transaction of the caller's."""

    def __init__(self, documents: Documents) -> None:
        self._start = documents.insert(
            commands, conflict="(row_id) do nothing", returning=[commands.c.row_id]
        )
        self._enter = documents.insert(journal)
        self._forget_outcomes = documents.delete(outcomes, outcomes.c.row_id)
        self._forget_commands = documents.delete(commands, commands.c.row_id)
        self._adopt = documents.update(
            commands, commands.c.row_id, ["topic", "partition", "log_offset", "timestamp_ms"]
        )
        self._adopt_entry = documents.update(
            journal, journal.c.row_id, ["topic", "partition"], only_if="journal.sequence = 0"
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

    async def forget_ends(self, session: Session, row_ids: Sequence[UUID]) -> None:
        rows = [{"row_id": row_id} for row_id in row_ids]
        await session.run(self._forget_outcomes, rows)
        await session.run(self._forget_commands, rows)

    async def adopt(self, session: Session, row_ids: Mapping[UUID, Coordinates]) -> None:
        rows = [{"row_id": row_id, **coordinates_row(to)} for row_id, to in row_ids.items()]
        await session.run(self._adopt, rows)
        await session.run(self._adopt_entry, rows)

    async def journal(self, session: Session, entries: Sequence[JournalEntry]) -> None:
        await session.run(
            self._enter,
            [
                {"row_id": entry.row_id, "sequence": entry.sequence, "body": entry.body}
                for entry in entries
            ],
        )
