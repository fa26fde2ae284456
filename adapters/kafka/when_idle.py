"""Something to be done once, when nothing has happened for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class WhenIdle:
    """Does its work so many seconds after the last `put_off`; never twice at once."""

    def __init__(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self._seconds = seconds
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._working: asyncio.Future[None] | None = None

    def put_off(self) -> None:
        """Something happened: begin to wait anew."""
        self.forget()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    def forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        if self._working is None or self._working.done():
            self._working = asyncio.ensure_future(self._work())
