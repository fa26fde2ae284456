"""Whether a streaming standby is near enough to its primary.

How far it is behind is told in time, without a clock of the standby's and without a table: the
place in the write-ahead log that the primary had reached is noted with the time of the note, and
the standby has everything up to the newest noted place that it has replayed. That holds for a
primary where nothing happens, and for a standby whose connection to it was cut unnoticed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.session import reading

_NOTES: Final = 600
_AGAIN_SECONDS: Final = 0.5

_PRIMARY: Final = text(
    "select system_identifier, current_database() as name,"
    " case when not pg_is_in_recovery() then pg_current_wal_lsn() - '0/0' end as reached"
    " from pg_control_system()"
)
_STANDBY: Final = text(
    "select system_identifier, current_database() as name, pg_is_in_recovery() as is_standby,"
    " pg_last_wal_replay_lsn() - '0/0' as reached from pg_control_system()"
)


class Lag:
    """How many seconds one log is behind another, from places that were noted on the way."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque(maxlen=_NOTES)

    def behind(self, now: float, ahead: int, behind: int) -> float:
        """`ahead` is where the first had been at `now`, `behind` how far the second came since.

        Never too little: infinite where no note is old enough to tell.
        """
        self._noted.append((now, ahead))
        return self.since(now, behind)

    def since(self, now: float, behind: int) -> float:
        """The same without a new note."""
        while len(self._noted) > 1 and self._noted[1][1] <= behind:
            self._noted.popleft()  # what is newer tells as much
        at, place = self._noted[0]
        return now - at if place <= behind else float("inf")


class Standby:
    """One, with the primary that it should follow."""

    def __init__(
        self,
        standby: AsyncEngine,
        primary: AsyncEngine,
        documents: Documents,
        most_seconds: float,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pause = pause
        self._standby = standby
        self._primary = primary
        self._documents = documents
        self._most_seconds = most_seconds
        self._clock = clock
        self._lag = Lag()

    async def unfit(self) -> str | None:
        """Why it is not to be asked now; None: it is near enough. Raises DatabaseAway."""
        now = self._clock()
        primary, standby = await self._ask_primary(), await self._ask_standby()
        if (standby.system_identifier, standby.name) != (primary.system_identifier, primary.name):
            return "it is no copy of this database"
        if primary.reached is None:
            return "BOOKING_DATABASE__URL is itself a standby's"
        if not standby.is_standby or standby.reached is None:
            return "it is no streaming standby, so nobody knows how far it is behind"
        if standby.reached > primary.reached:  # the primary was asked first, and has gone on
            primary = await self._ask_primary()
            if primary.reached is None or standby.reached > primary.reached:
                return "it has what the primary has not: it is no copy of this database any more"
        lag = self._lag.behind(now, int(primary.reached), int(standby.reached))
        if lag > self._most_seconds:
            # Perhaps only the last note is old: nobody asked for a while.
            await self._pause(_AGAIN_SECONDS)
            standby = await self._ask_standby()
            lag = self._lag.since(self._clock(), int(standby.reached or 0))
        if lag > self._most_seconds:
            behind = f"{lag:.0f} s" if lag != float("inf") else "an unknown time"
            return f"it is {behind} behind, more than {self._most_seconds:g} s"
        return None

    async def _ask_primary(self) -> Row[Any]:
        async with reading(self._primary, self._documents) as session:
            (primary,) = await session.run(_PRIMARY)
        return primary

    async def _ask_standby(self) -> Row[Any]:
        async with reading(self._standby, self._documents) as session:
            (standby,) = await session.run(_STANDBY)
        return standby
