"""What partners say about a slot, asked afresh or a moment ago; for queries, which change nothing.

Only whole answers are remembered: a partner that was away is asked again. Whoever asks the same
while it is being asked waits for that answer, unless an event has come since it was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from domain.effects import PartnerUnavailable, SlotQuestion
from handlers.ports import Cache, Loading, Partners


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
class _Asking:
    """A question on its way; `answer` is None where whoever asked it was torn away."""

    loading: Loading
    answer: asyncio.Future[Answered | None]


@dataclass(frozen=True, slots=True)
class RememberedAnswers:
    """A question that was asked a moment ago is not asked again; by venue they are forgotten."""

    fresh: FreshAnswers
    cache: Cache
    _asking: dict[SlotQuestion, _Asking] = field(default_factory=dict)

    async def ask(self, question: SlotQuestion, trace: Mapping[str, str]) -> Answered:
        same = replace(question, key="")  # every query's own
        while True:
            if (held := self.cache.held(same)) is not None:
                return held  # type: ignore[no-any-return]  # this cache's values
            other = self._asking.get(same)
            if other is None or not other.loading.is_current(question.venue_id):
                return await self._ask(same, question, trace)
            if (answered := await asyncio.shield(other.answer)) is not None:
                return answered

    async def _ask(
        self, same: SlotQuestion, question: SlotQuestion, trace: Mapping[str, str]
    ) -> Answered:
        venue, answered = question.venue_id, None
        with self.cache.loading([venue]) as loading:
            asking = _Asking(loading, asyncio.get_running_loop().create_future())
            self._asking[same] = asking
            try:
                answered = await self.fresh.ask(question, trace)
                if not isinstance(answered.answer, PartnerUnavailable):
                    loading.keep(same, venue, answered)
                return answered
            finally:
                if self._asking.get(same) is asking:  # else somebody asks again, after a change
                    del self._asking[same]
                asking.answer.set_result(answered)
