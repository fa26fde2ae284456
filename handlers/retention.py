"""Retires what only grows, a chunk at a time, and has partitions made before they are needed.

Several workers may do it at once: what one takes, the others do not find any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.retention import Keeping, ended_before
from handlers.figures import NO_RETENTION_FIGURES, RetentionFigures
from handlers.ports import RetentionRows
from handlers.ports.retention import Day, Gone

AHEAD: Final = timedelta(days=62)
"""So much time there is to notice that nobody makes partitions any more."""
_CHUNK: Final = 1_000
_LOOK_EVERY: Final = timedelta(minutes=10)
_TRY_AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Retired:
    """What one look did: rows that went, by table, and how far into the
    future tables have partitions, as far as that was asked.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    ahead: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(slots=True)
class Retiring:
    """One look at what has had its time, at each call of `retire`."""

    rows: RetentionRows
    keeping: Keeping
    figures: RetentionFigures = NO_RETENTION_FIGURES
    _due: dict[str, datetime] = field(default_factory=dict)
    _reached: Day = field(default_factory=Day)

    async def retire(self, now: datetime) -> Retired:
        """One chunk of everything whose turn it is. Raises DatabaseAway."""
        keeping = self.keeping
        by_table: Mapping[
            str, tuple[timedelta | None, Callable[[datetime, int], Awaitable[Gone]]]
        ] = {
            "commands": (keeping.commands, self.rows.retire_commands),
            "undo": (keeping.commands, self.rows.forget_undo),
            "guest_keys": (keeping.erasures, self.rows.forget_erased_keys),
            "bookings": (keeping.bookings, self._bookings),
        }
        ahead = await self._ahead(now)
        gone: dict[str, int] = {}
        for table, (kept, take) in by_table.items():
            before = ended_before(now, kept)
            if before is None or not self._is_due(table, now):
                continue
            # Set first: what fails now is not tried again with every look.
            self._due[table] = now + _TRY_AGAIN
            chunk = await take(before, _CHUNK)
            self._due[table] = now + _LOOK_EVERY if chunk.is_all else now
            if chunk.rows:
                gone[table] = chunk.rows
        self.figures.retired(gone, ahead)
        return Retired(gone, ahead)

    async def _bookings(self, before: datetime, limit: int) -> Gone:
        gone, self._reached = await self.rows.retire_bookings(before, self._reached, limit)
        if gone.is_all:  # the next pass begins with the oldest again
            self._reached = Day()
        return gone

    async def _ahead(self, now: datetime) -> Mapping[str, timedelta]:
        if not self._is_due("partitions", now):
            return {}
        self._due["partitions"] = now + _TRY_AGAIN
        until = await self.rows.make_ahead(self.keeping.period, AHEAD)
        ahead = {table: end - now for table, end in until.items()}
        if all(each >= AHEAD for each in ahead.values()):
            self._due["partitions"] = now + _LOOK_EVERY
        return ahead

    def _is_due(self, what: str, now: datetime) -> bool:
        return self._due.get(what, now) <= now
