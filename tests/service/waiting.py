"""Waiting for what only can be asked for: the question is put again until the answer is yes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

ASKED_EVERY_SECONDS = 0.02
PATIENCE_SECONDS = 60.0


async def until(
    holds: Callable[[], Awaitable[bool]], *, within_seconds: float = PATIENCE_SECONDS
) -> None:
    """Returns when it holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_seconds):
        while not await holds():  # noqa: ASYNC110 - it lies in another process, which sends no event
            await asyncio.sleep(ASKED_EVERY_SECONDS)
