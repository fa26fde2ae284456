"""How often somebody may ask, counted by the window of time in which each asking was sent.

The window is that of the broker's timestamp, so it does not matter when, where and in which order
uses are counted: of one window as many are accepted as are allowed. Who never sends more than that
is never refused, whatever backlog it comes out of; in any span of time nobody is accepted more
often than the windows that it touches allow, which is twice at a turn (decision 80).
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from math import ceil
from typing import Final
from uuid import UUID

from domain.commands import CheckAvailability, Command, CreateBooking
from domain.principal import Principal
from domain.queries import Query
from domain.refusal import Code, Refusal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OperationClass(StrEnum):
    """What is counted together."""

    CREATE = "create"
    CHANGE = "change"  # update, cancel, status, erasing a guest
    READ = "read"  # look-ups, lists, histories
    AVAILABILITY = "availability"  # asks two partners


def class_of(message: Command | Query) -> OperationClass:
    """What a command or query counts as."""
    match message:
        case CreateBooking():
            return OperationClass.CREATE
        case CheckAvailability():
            return OperationClass.AVAILABILITY
        case _ if isinstance(message, Query):
            return OperationClass.READ
        case _:
            return OperationClass.CHANGE


@dataclass(frozen=True, slots=True)
class Counter:
    """One principal's uses of one class in one window; `allowed` of them are accepted."""

    id: UUID  # of all that it counts, so that nobody can read from it who asked
    allowed: int
    counts: OperationClass
    window: timedelta
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Uses allowed in a window, by role and class; what is absent is not limited and not counted.

    The service's own commands are never limited.
    """

    window: timedelta = timedelta(minutes=1)
    allowed: Mapping[type[Principal], Mapping[OperationClass, int]] = field(default_factory=dict)

    def counter(
        self, principal: Principal, counts: OperationClass, sent: datetime
    ) -> Counter | None:
        """Where a use of this principal counts that was sent then."""
        allowed = self.allowed.get(type(principal), {}).get(counts)
        if allowed is None:
            return None
        number = (sent - _EPOCH) // self.window
        ends_at = _EPOCH + (number + 1) * self.window
        seconds = self.window.total_seconds()
        named = f"{principal.label}/{counts}/{seconds}/{number}".encode()
        id_ = UUID(bytes=blake2b(named, digest_size=16).digest())
        return Counter(id_, allowed, counts, self.window, ends_at)


NO_LIMITS: Final = Limits()


def over_limit(counters: Sequence[Counter], counted: Mapping[UUID, int]) -> list[bool]:
    """Which of these uses are too many; `counted` holds each counter with all of them in it.

    The first ones have what is left.
    """
    before = {id_: counted[id_] - times for id_, times in times_of(counters).items()}
    over: list[bool] = []
    for counter in counters:
        over.append(before[counter.id] >= counter.allowed)
        before[counter.id] += 1
    return over


def times_of(counters: Sequence[Counter]) -> Mapping[UUID, int]:
    """How often each counter is among these."""
    return Tally(counter.id for counter in counters)


def rate_limited(counter: Counter, now: datetime) -> Refusal:
    """Too often; `retry_after_seconds` counts from `now` and is 1 when the window is over."""
    seconds = counter.window.total_seconds()
    retry_after = max(1, ceil((counter.ends_at - now).total_seconds()))
    return Refusal(
        Code.RATE_LIMITED,
        f"More than {counter.allowed} requests of the class {counter.counts} within {seconds:g}"
        " seconds.",
        extras={"retry_after_seconds": retry_after},
    )
