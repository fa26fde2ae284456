"""Retires what only grows, a chunk at a time, and has partitions made before they are needed.

Several workers may do it at once: what one takes, the others do not find any more. When something
has had its time is never decided by a worker's clock alone, which may be wrong by months.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.retention import Keeping, ended_before
from handlers.figures import NO_RETENTION_FIGURES, RetentionFigures
from handlers.ports import RetentionRows
from handlers.ports.retention import Day, Gone

_log = structlog.get_logger(__name__)

AHEAD: Final = timedelta(days=62)
"""So much time there is to notice that nobody makes partitions any more."""
_PARTITIONS: Final = "partitions"
_CHUNK: Final = 1_000
_LOOK_EVERY: Final = timedelta(minutes=10)
_TRY_AGAIN: Final = timedelta(minutes=1)
_CLOCKS_AGREE: Final = timedelta(minutes=1)


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
    _clock_is_off: bool = False

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
        due = [table for table, (kept, _) in by_table.items() if kept and self._is_due(table, now)]
        if not due and not self._is_due(_PARTITIONS, now):
            return Retired()
        clock = await self.rows.clock()
        self._tell(now - clock)
        ahead = await self._ahead(now, clock)
        gone: dict[str, int] = {}
        for table in due:
            kept, take = by_table[table]
            before = ended_before(min(now, clock), kept)
            if before is None:
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

    async def _ahead(self, now: datetime, clock: datetime) -> Mapping[str, timedelta]:
        if not self._is_due(_PARTITIONS, now):
            return {}
        self._due[_PARTITIONS] = now + _TRY_AGAIN
        until = await self.rows.make_ahead(self.keeping.period, AHEAD)
        ahead = {table: end - clock for table, end in until.items()}
        if all(each >= AHEAD for each in ahead.values()):
            self._due[_PARTITIONS] = now + _LOOK_EVERY
        return ahead

    def _is_due(self, what: str, now: datetime) -> bool:
        left = self._due.get(what, now) - now
        return not timedelta(0) < left <= _LOOK_EVERY  # more than that: the clock was set back

    def _tell(self, ahead: timedelta) -> None:
        """Of a clock that is wrong, once; and once when it is right again."""
        is_off = abs(ahead) > _CLOCKS_AGREE
        if is_off != self._clock_is_off:
            event = "this clock and the database's differ" if is_off else "clocks agree again"
            _log.warning(event, ahead_seconds=round(ahead.total_seconds()))
        self._clock_is_off = is_off
