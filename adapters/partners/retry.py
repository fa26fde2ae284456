"""How long to wait before the next attempt, if there is to be one."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0


def pause_seconds(attempt: int, jitter: float) -> float:
    """Before attempt `attempt` + 1: doubles each time, between half and the whole of it.

    `attempt` counts from 1, `jitter` is 0 to 1.
    """
    whole = min(_FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
    return whole * (0.5 + jitter / 2)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """A Retry-After header, in seconds or as a date; None when absent or unreadable."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # a year or an offset that no clock has
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
