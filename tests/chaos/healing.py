"""After the storm: wait until nothing is left to be done, and tell for what that took how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from tests.service.house import House
from tests.service.story import under_way

_LOOKS_EVERY_SECONDS: Final = 0.1
_TELLS_EVERY_SECONDS: Final = 10.0

Progress = Callable[[str], None]
"""Takes one line for a person who waits."""

# All of them expire; then no money is held for a booking that is not confirmed.
_PENDING: Final = """
    select 'a pending booking' as what, id::text as which from bookings where status = 'pending'
    union all select 'something owed', owed from undo where done_at is null
"""


@dataclass(frozen=True, slots=True)
class Healing:
    """How long it took; `waits` tells how long each cause was seen, `left` what never ended."""

    seconds: float
    waits: Mapping[str, float]
    left: Sequence[str]


@dataclass(slots=True)
class _Watch:
    began: float = field(default_factory=time.monotonic)
    waits: dict[str, float] = field(default_factory=dict)
    told: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def is_time_to_tell(self) -> bool:
        """Every so many seconds of waiting."""
        times, self.told = self.told, int(self.seconds / _TELLS_EVERY_SECONDS)
        return self.told > times

    def saw(self, causes: Sequence[str]) -> None:
        self.waits |= dict.fromkeys(causes, round(self.seconds, 1))


async def heal(house: House, workers: int, within_seconds: float, progress: Progress) -> Healing:
    """Returns when the house has come to rest, or when patience is at its end."""
    watch = _Watch()
    while left := await _left(house, workers):
        watch.saw([cause for cause, _ in left])
        if watch.is_time_to_tell():
            progress(f"healing for {watch.seconds:.0f} s: {len(left)} left, {': '.join(left[0])}")
        if watch.seconds > within_seconds:
            break
        await asyncio.sleep(_LOOKS_EVERY_SECONDS)
    return Healing(watch.seconds, watch.waits, [f"{cause}: {which}" for cause, which in left])


async def _left(house: House, workers: int) -> list[tuple[str, str]]:
    """What is still to be done, each with its cause."""
    try:
        if (members := await house.members()) != workers:
            return [("workers in the group", f"{members} of {workers}")]
        if undone := await under_way(house):
            return [_told(one) for one in undone]
        return [_told(row) for row in await house.rows(_PENDING)]
    except (KafkaError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [("a server", repr(error))]


def _told(one: object) -> tuple[str, str]:
    if isinstance(one, Mapping):
        return str(one["what"]), str(one["which"])
    return "lag", str(one)
