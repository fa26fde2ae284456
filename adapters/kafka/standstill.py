"""Says what the worker waits for, once when it starts to wait and once when it goes on."""

from __future__ import annotations

import structlog

_log = structlog.get_logger(__name__)


class Standstill:
    """One per consumer; repeated failures of the same kind are one state, and grow the pause.

    Until work goes on each kind is told once and has a pause of its own: batches side by side may
    fail with two of them in turns.
    """

    FIRST_PAUSE_SECONDS = 0.1
    LONGEST_PAUSE_SECONDS = 5.0

    def __init__(self, who: str) -> None:
        self._who = who
        self._awaited: str | None = None
        self._pauses_seconds: dict[str, float] = {}

    def waits_for(self, what: str, reason: str) -> float:
        """Note a failure; gives how many seconds to pause before the next try."""
        self._awaited = what
        if what not in self._pauses_seconds:
            _log.warning("waiting", who=self._who, awaited=what, reason=reason)
        pause = self._pauses_seconds.get(what, self.FIRST_PAUSE_SECONDS)
        self._pauses_seconds[what] = min(pause * 2, self.LONGEST_PAUSE_SECONDS)
        return pause

    @property
    def awaited(self) -> str | None:
        """What is waited for now; None while work goes on."""
        return self._awaited

    def over(self) -> None:
        """Note that work goes on."""
        if self._awaited is not None:
            _log.warning("going on", who=self._who, awaited=self._awaited)
            self._awaited = None
            self._pauses_seconds.clear()
