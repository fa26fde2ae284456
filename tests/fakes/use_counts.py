"""Who asked how often, in the tables in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from handlers.ports import Uses
from tests.fakes.tables import Tables


class FakeUseCounts:
    """Implements UseCounts."""

    def __init__(self, reachable: Callable[[], Tables], writing: asyncio.Lock) -> None:
        self._reachable = reachable
        self._writing = writing

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        async with self._writing:
            return self._reachable().count(uses)

    async def forget_uses(self, begun_before: datetime, limit: int) -> int:
        async with self._writing:
            uses = self._reachable().uses
            old = sorted((each.at, id_) for id_, each in uses.items() if each.at < begun_before)
            for _, id_ in old[:limit]:
                del uses[id_]
        return len(old[:limit])
