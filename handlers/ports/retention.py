"""What only grows, and how it goes: a chunk at a time, beside lanes that are at work.

Any number of workers may ask at once; who would have to wait for another one leaves it to that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from domain.retention import Period

FIRST_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Gone:
    """What one chunk took."""

    rows: int
    is_all: bool  # nothing more is to go now


@dataclass(frozen=True, slots=True)
class Day:
    """A place in the order of days in which bookings are looked at."""

    day: date = date.min
    booking_id: UUID = FIRST_ID


class RetentionRows(Protocol):
    """Each call is one short transaction."""

    async def clock(self) -> datetime:
        """The database's, which is one for all workers."""
        ...

    async def make_ahead(self, period: Period, ahead: timedelta) -> Mapping[str, datetime]:
        """Make the partitions that will be needed; gives until when each table has some, and
        nothing for a database without partitions. One that could not be made is made next time.
        """
        ...

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        """Of commands that were recorded before then no more is left than that they ended, and for
        what content; their idempotency keys go with them. Never of one that has not ended.
        """
        ...

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        """Of what was owed and given back before then."""
        ...

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        """The marks of guests' keys that were destroyed, and told of, before then."""
        ...

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        """Of the next so many bookings behind `after`, take those that ended before then and have
        not changed since, with their history; not those of which something is owed or under way.
        Their ids and references stay taken. Gives also how far that was.
        """
        ...
