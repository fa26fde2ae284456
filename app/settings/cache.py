"""What queries may remember for a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from app.settings.section import Section, setting

_SECONDS: Final = "a number of seconds from 0 to 60; 0: nothing"
_Seconds = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How many seconds queries remember; 0: nothing. What they remember, events correct."""

    availability_seconds: float
    reference_seconds: float

    @property
    def hears_events(self) -> bool:
        """Whether the worker reads the events, which is a right of its own."""
        return bool(self.availability_seconds or self.reference_seconds)


class CacheSection(Section, prefix="BOOKING_CACHE__"):
    """What queries may remember for a moment, until an event says that it has changed.

    When that pays: docs/reads.md.
    """

    availability_seconds: _Seconds = setting(
        _SECONDS, "What partners said about a slot is remembered for `check_availability`", 0.0
    )
    reference_seconds: _Seconds = setting(
        _SECONDS, "Bookings' rows, sealed, are remembered for `get_booking_by_reference`", 0.0
    )

    @property
    def value(self) -> CacheSettings:
        return CacheSettings(self.availability_seconds, self.reference_seconds)
