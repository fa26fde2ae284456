"""How long things are kept that only grow, and in which stretches of time they lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_LATE: Final = timedelta(days=1)
_RECORDS_COME_AGAIN: Final = timedelta(days=61)


class Period(StrEnum):
    """How much time one partition holds: what is dropped at once, and how exact that can be."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long what has ended is kept; None: for ever."""

    commands: timedelta | None = None
    bookings: timedelta | None = None
    period: Period = Period.MONTH

    def at_least(self, idempotency_window: timedelta) -> Keeping:
        """A key gives its command's outcome for as long as it is held, and so that is kept."""
        if self.commands is None:
            return self
        kept = max(self.commands, idempotency_window + _LATE)
        return Keeping(kept, self.bookings, self.period)

    @property
    def erasures(self) -> timedelta | None:
        """A record of before an erasure may lie in the topic for 30 days, be set aside, and be put
        back after 30 more: until then it has to be known that its guest was erased.
        """
        return None if self.commands is None else max(self.commands, _RECORDS_COME_AGAIN)


def ended_before(now: datetime, kept: timedelta | None) -> datetime | None:
    """What ended before this goes; None: nothing does."""
    return None if kept is None else now - kept
