"""Where uses are counted that are limited, by all workers together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Uses:
    """What a batch adds to one counter."""

    counter_id: UUID
    times: int
    at: datetime  # when they are counted; only to forget the counter some day


class CountsUses(Protocol):
    """Part of a lane's transaction, and of UseCounts."""

    async def count_uses(self, uses: Sequence[Uses]) -> Mapping[UUID, int]:
        """Add to the counters, in the order of their ids; gives what each has come to.

        No counter twice.
        """
        ...


class UseCounts(CountsUses, Protocol):
    """Counters outside of any lane, each call on its own: for queries, and to forget."""

    async def forget_uses(self, begun_before: datetime, limit: int) -> int:
        """Forget so many counters at most that were begun before then; gives how many."""
        ...
