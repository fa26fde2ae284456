"""What partners say about a slot, asked afresh or a moment ago; for queries, which change nothing.

Only whole answers are remembered: a partner that was away is asked again. Whoever asks the same
while it is being asked waits for that answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from domain.effects import PartnerUnavailable, SlotQuestion
from handlers.ports import Cache, Partners


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said, and when it was asked."""

    answer: Any
    at: datetime


class PartnerAnswers(Protocol):
    """Where a query's questions to partners go."""

    async def ask(self, question: SlotQuestion, trace: Mapping[str, str]) -> Answered: ...


@dataclass(frozen=True, slots=True)
class FreshAnswers:
    """Every question is asked."""

    partners: Partners
    clock: Callable[[], datetime]

    async def ask(self, question: SlotQuestion, trace: Mapping[str, str]) -> Answered:
        at = self.clock()
        return Answered(await self.partners.call(question, trace), at)


@dataclass(frozen=True, slots=True)
class RememberedAnswers:
    """A question that was asked a moment ago is not asked again; by venue they are forgotten."""

    fresh: FreshAnswers
    cache: Cache
    _asking: dict[SlotQuestion, asyncio.Future[Answered | None]] = field(default_factory=dict)

    async def ask(self, question: SlotQuestion, trace: Mapping[str, str]) -> Answered:
        same = replace(question, key="")  # every query's own
        while True:
            if (held := self.cache.held(same)) is not None:
                return held  # type: ignore[no-any-return]  # this cache's values
            if (others := self._asking.get(same)) is None:
                return await self._ask(same, question, trace)
            if (answered := await asyncio.shield(others)) is not None:
                return answered

    async def _ask(
        self, same: SlotQuestion, question: SlotQuestion, trace: Mapping[str, str]
    ) -> Answered:
        asking = self._asking[same] = asyncio.get_running_loop().create_future()
        answered: Answered | None = None
        try:
            with self.cache.loading([question.venue_id]) as loading:
                answered = await self.fresh.ask(question, trace)
                if not isinstance(answered.answer, PartnerUnavailable):
                    loading.keep(same, question.venue_id, answered)
            return answered
        finally:
            # Who waited asks again where this one was torn away, or what it asked has changed.
            del self._asking[same]
            asking.set_result(answered)
