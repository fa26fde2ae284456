"""How long a batch may take, and less of it once the worker is stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Patience:
    """A limit that can be brought forward while something already runs under it."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._last_moment = float("inf")
        self._running: asyncio.Timeout | None = None

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Cancel the block and raise TimeoutError when its time is over."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + self._limit_seconds, self._last_moment)) as it:
                self._running = it
                yield
        finally:
            self._running = None

    def hurry(self, seconds: float) -> None:
        """Whatever runs now or later is over in so many seconds from now."""
        self._last_moment = asyncio.get_running_loop().time() + seconds
        running = self._running
        if running is not None and (running.when() or self._last_moment) >= self._last_moment:
            running.reschedule(self._last_moment)
