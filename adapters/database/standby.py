"""Whether a streaming standby is near enough to its primary.

How far it is behind is told in time, without a clock of the standby's and without a table: the
place in the write-ahead log that the primary had reached is noted with the time of the note, and
the standby has everything up to the newest noted place that it has replayed. That holds for a
primary where nothing happens, and for a standby whose connection to it was cut unnoticed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.session import reading

_NOTES: Final = 600

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
    ) -> None:
        self._standby = standby
        self._primary = primary
        self._documents = documents
        self._most_seconds = most_seconds
        self._clock = clock
        self._lag = Lag()

    async def unfit(self) -> str | None:
        """Why it is not to be asked now; None: it is near enough. Raises DatabaseAway."""
        now = self._clock()
        async with reading(self._primary, self._documents) as session:
            (primary,) = await session.run(_PRIMARY)
        async with reading(self._standby, self._documents) as session:
            (standby,) = await session.run(_STANDBY)
        if (standby.system_identifier, standby.name) != (primary.system_identifier, primary.name):
            return "it is no copy of this database"
        if primary.reached is None:
            return "BOOKING_DATABASE__URL is itself a standby's"
        if not standby.is_standby or standby.reached is None:
            return "it is no streaming standby, so nobody knows how far it is behind"
        lag = self._lag.behind(now, int(primary.reached), int(standby.reached))
        if lag > self._most_seconds:
            behind = f"{lag:.0f} s" if lag != float("inf") else "an unknown time"
            return f"it is {behind} behind, more than {self._most_seconds:g} s"
        return None
