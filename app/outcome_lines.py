"""A line of the log for each outcome, many at once and past structlog's chain: a line through that
costs what a tenth of a command does (docs/logs.md has the figures). Looks the same as all others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from random import random
from typing import Final

import orjson
import structlog

from handlers.ended import Ended

_LOGGER: Final = "booking.outcomes"


class OutcomeLog:
    """Implements OutcomeLines; of `share` of the successes, and of all others."""

    def __init__(
        self,
        event: str,
        level: int,
        share: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._event = event
        self._level = level
        self._share = share
        self._clock = clock
        self._levels = logging.getLogger(_LOGGER)

    def wants(self, ended: Ended) -> bool:
        if not self._levels.isEnabledFor(self._level):
            return False
        return self._share >= 1 or ended.status >= 300 or random() < self._share  # noqa: S311 - no secret

    def write(self, lines: Sequence[Mapping[str, object]]) -> None:
        handler = next(iter(logging.getLogger().handlers), None)
        if not isinstance(handler, JsonHandler):
            log = structlog.get_logger(_LOGGER)
            for line in lines:
                log.log(self._level, self._event, **_flat(line))
            return
        head: dict[str, object] = {
            "event": self._event,
            "logger": _LOGGER,
            "level": logging.getLevelName(self._level).lower(),
            "timestamp": self._clock(),
        }
        handler.write([orjson.dumps({**head, **line}, option=orjson.OPT_UTC_Z) for line in lines])


class JsonHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for the checker alone
    """A handler whose lines are JSON, so that ready ones may go past its formatter."""

    def write(self, lines: Sequence[bytes]) -> None:
        """All of them in one piece, and none of another's between."""
        text = b"\n".join(lines).decode() + "\n"
        self.acquire()
        try:
            self.stream.write(text)
            self.flush()
        finally:
            self.release()


def _flat(line: Mapping[str, object]) -> dict[str, object]:
    """For people: ids as text, the times of the stages behind all others."""
    return {
        name: said if isinstance(said, int | float) else str(said) for name, said in line.items()
    }
