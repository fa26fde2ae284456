"""How much is owed to partners, and since when: looked at now and then, not with each question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.ports import DueWork, Owing
from schemas.instruments import Labels

_EVERY: Final = timedelta(seconds=10)
_MOST: Final = 10_000  # beyond it nobody needs to know how much more it is


@dataclass(slots=True)
class UndoBacklog:
    """The last look; read by the exporter's thread."""

    due: DueWork
    _seen: Owing | None = None
    _looked_at: datetime | None = None

    async def look(self, now: datetime) -> None:
        """If it is time for it."""
        if self._looked_at is None or now >= self._looked_at + _EVERY:
            self._seen = await self.due.owing(_MOST)
            self._looked_at = now

    def count(self) -> Iterable[tuple[float, Labels]]:
        return [(self._seen.count, {})] if self._seen else []

    def age(self) -> Iterable[tuple[float, Labels]]:
        """Seconds; 0 when nothing is owed."""
        if self._seen is None or self._looked_at is None:
            return []
        oldest = self._seen.oldest
        return [((self._looked_at - oldest).total_seconds() if oldest else 0.0, {})]
