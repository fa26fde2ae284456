"""Rate limits: every use is counted once, where it is decided, for all workers together.

A command counts in the transaction that writes its start, so whoever is delivered again, resumed or
repeated has been counted and is not counted again. Of a query nothing is stored: whoever counted it
remembers that, until its partition goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.limits import Counter, Limits, class_of, over_limit, rate_limited, times_of
from domain.outcome import Rejected
from domain.refusal import Code, Refusal
from handlers.begun import Begun
from handlers.ports import Coordinates, CountsUses, Record, UseCounts, Uses

_TIDY_EVERY: Final = timedelta(minutes=1)
_LATE: Final = timedelta(hours=1)
_FORGET_AT_ONCE: Final = 10_000


async def meet_limits(
    counting: CountsUses, new: Sequence[Begun], limits: Limits, now: datetime
) -> None:
    """Count new commands that nothing has decided yet, and refuse those that are too many.

    What an operator put back was counted when it was sent.
    """
    open_ = [one for one in new if one.decided is None and one.item.asked.run == 0]
    counters = [_counter(one, limits) for one in open_]
    refusals = await refuse_excess(counting, counters, now)
    for one, refusal in zip(open_, refusals, strict=True):
        if refusal is not None:
            one.decided = Rejected(refusal)


def is_over_limit(one: Begun) -> bool:
    """Whether it was refused for coming too often."""
    return isinstance(one.decided, Rejected) and one.decided.refusal.code is Code.RATE_LIMITED


async def refuse_excess(
    counting: CountsUses, counters: Sequence[Counter | None], now: datetime
) -> Sequence[Refusal | None]:
    """Count these uses, in their order; None is not limited. Asks nothing when all are None."""
    limited = [counter for counter in counters if counter is not None]
    if not limited:
        return [None] * len(counters)
    uses = [Uses(id_, times, now) for id_, times in times_of(limited).items()]
    counted = await counting.count_uses(uses)
    over = iter(over_limit(limited, counted))
    return [
        rate_limited(counter, now) if counter is not None and next(over) else None
        for counter in counters
    ]


@dataclass(slots=True)
class UsesOfQueries:
    """Counts queries, each once: those of a batch that is tried again, as the database or Kafka was
    away, were counted with the first try.
    """

    counting: CountsUses
    _counted: dict[int, dict[Coordinates, bool]] = field(default_factory=dict)
    """By partition, of its records that it has not passed, whether they were too many."""

    async def refused(
        self, records: Sequence[Record], counters: Sequence[Counter | None], now: datetime
    ) -> Sequence[Refusal | None]:
        """In their order; None is not limited, or not too many. Raises DatabaseAway."""
        if not any(counters):
            return [None] * len(counters)
        self._pass_to(records)
        uses = [
            (record.coordinates, counter)
            for record, counter in zip(records, counters, strict=True)
            if counter is not None
        ]
        new = [use for use in uses if use[0] not in self._counted[use[0].partition]]
        found = await refuse_excess(self.counting, [counter for _, counter in new], now)
        for (place, _), refusal in zip(new, found, strict=True):
            self._counted[place.partition][place] = refusal is not None
        return [
            rate_limited(counter, now)
            if counter is not None and self._counted[record.partition][record.coordinates]
            else None
            for record, counter in zip(records, counters, strict=True)
        ]

    def _pass_to(self, records: Sequence[Record]) -> None:
        """What lies before a batch comes no more; what lies behind it may have been tried with it,
        as a fetch may bring fewer the next time.
        """
        first: dict[int, int] = {}
        for record in records:
            first.setdefault(record.partition, record.offset)
        for partition, offset in first.items():
            counted = self._counted.get(partition, {})
            self._counted[partition] = {
                place: is_over for place, is_over in counted.items() if place.offset >= offset
            }


@dataclass(slots=True)
class Tidying:
    """Forgets counters that no worker will ask for any more, now and then."""

    counts: UseCounts
    limits: Limits
    _due_at: datetime | None = None

    async def tidy(self, now: datetime) -> int:
        """One look, if it is time for one; gives how many were forgotten."""
        if not self.limits.allowed or (self._due_at is not None and now < self._due_at):
            return 0
        kept = 2 * self.limits.window + _LATE
        forgotten = await self.counts.forget_uses(now - kept, _FORGET_AT_ONCE)
        self._due_at = None if forgotten == _FORGET_AT_ONCE else now + _TIDY_EVERY
        return forgotten


def _counter(one: Begun, limits: Limits) -> Counter | None:
    command = one.item.command
    if command is None:
        return None
    return limits.counter(one.item.asked.principal, class_of(command), one.start.sent)
