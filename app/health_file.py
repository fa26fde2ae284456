"""The health file: the worker rewrites it, so that others see whether it is alive and ready.

{"beat": "2030-05-01T10:00:00+00:00", "ready": false, "reason": "waits for Kafka", "pid": 7}
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

STALE_AFTER: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Condition:
    """What the worker says of itself; `reason` tells what it waits for when it is not ready."""

    ready: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """What the file said, and when."""

    at: datetime
    condition: Condition
    pid: int

    def is_fresh(self, now: datetime, stale_after: timedelta = STALE_AFTER) -> bool:
        # A beat from the future is no better: the clock was set back, and hides how old it is.
        return abs(now - self.at) <= stale_after


class HealthFile:
    """Writes the file; each beat replaces the one before as a whole: no reader sees half of one."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._next = path.with_name(f"{path.name}.{os.getpid()}")
        self._clock = clock

    def beat(self, condition: Condition) -> None:
        """To be called every few seconds. Raises OSError when the file cannot be written."""
        self._next.write_bytes(
            orjson.dumps(
                {
                    "beat": self._clock().isoformat(),
                    "ready": condition.ready,
                    "reason": condition.reason,
                    "pid": os.getpid(),
                }
            )
        )
        self._next.replace(self._path)

    def remove(self) -> None:
        """The worker ended on purpose: nobody shall wait until its last beat is stale."""
        self._path.unlink(missing_ok=True)


def last_beat(path: Path) -> Beat | None:
    """The last beat; None when there is none, or something else lies there."""
    try:
        stored = orjson.loads(path.read_bytes())
        at = datetime.fromisoformat(stored["beat"])
        if at.tzinfo is None:
            return None
        return Beat(
            at,
            Condition(stored["ready"] is True, stored["reason"]),
            stored["pid"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
