"""When a unit is taken: half-open intervals of absolute time, so that touching slots are free."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.values import dataclass

MAX_MINUTES = 129_600  # 90 days
_NOTHING: Final = timedelta(0)
_MINUTE: Final = timedelta(minutes=1)
_LONGEST: Final = MAX_MINUTES * _MINUTE


@dataclass(frozen=True, slots=True)
class TimeSlot:
    """From `starts_at` to just before `ends_at`, both in UTC; whole minutes long.

    Raises ValueError when built backwards, empty, longer than 90 days, from naive times, or not
    whole minutes long.
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise ValueError("expected times with an offset")
        if self.starts_at.tzinfo is not UTC:
            object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))
        if self.ends_at.tzinfo is not UTC:
            object.__setattr__(self, "ends_at", self.ends_at.astimezone(UTC))
        length = self.ends_at - self.starts_at
        if not _NOTHING < length <= _LONGEST:
            raise ValueError(f"expected an end 1 minute to {MAX_MINUTES} minutes after the start")
        if length % _MINUTE:
            raise ValueError("expected a slot of whole minutes")

    @classmethod
    def lasting(cls, starts_at: datetime, minutes: int) -> TimeSlot:
        """A slot of `minutes` elapsed minutes; daylight saving does not stretch it."""
        return cls(starts_at, starts_at.astimezone(UTC) + minutes * _MINUTE)

    @property
    def minutes(self) -> int:
        return (self.ends_at - self.starts_at) // _MINUTE

    def overlaps(self, other: TimeSlot) -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def local_night(starts_at: datetime, zone: ZoneInfo | None) -> TimeSlot:
    """To the same wall time on the next day, in the venue's zone or else the offset sent."""
    local = starts_at.astimezone(zone) if zone else starts_at
    next_day = (local.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=local.tzinfo)
    return TimeSlot(starts_at, next_day)


def local_date(at: datetime, zone: ZoneInfo | None) -> date:
    """The calendar day as the venue calls it: in its zone, or else in the offset sent."""
    return (at.astimezone(zone) if zone else at).date()
