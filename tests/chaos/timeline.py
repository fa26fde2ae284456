"""Which faults come when: drawn whole from the seed before the first command is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from app.demo.partners.faults import Fault, Kind
from app.demo.partners.garbage import GARBAGE


class What(StrEnum):
    """What goes wrong."""

    KILL = "worker killed"
    FREEZE = "worker frozen"
    STOP = "worker stopped"
    JOIN = "worker joins and leaves"
    CUT = "database cuts all connections"
    DATABASE = "database killed"
    KAFKA = "Kafka killed"
    PARTNER = "partner fails"


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: when it begins, how long it lasts, whom it meets (a worker's number)."""

    at_seconds: float
    what: What
    seconds: float
    worker: int
    partner: str = ""
    fault: Fault | None = None

    @property
    def title(self) -> str:
        """As it stands in the report."""
        if self.fault is None:
            return str(self.what)
        times = "" if self.fault.times is None else f", {self.fault.times} times"
        kind = self.fault.kind if self.fault.status != 429 else "too_many_requests"
        return f"{self.partner} {self.fault.call}: {kind}{times}"


@dataclass(frozen=True, slots=True)
class _Habit:
    """How often a kind comes, how long it lasts, and how long it stays away after it came."""

    weight: int
    seconds: tuple[float, float]
    rest_seconds: float = 0.0


_HABITS: Final[Mapping[What, _Habit]] = {
    What.KILL: _Habit(16, (0.0, 4.0)),
    What.FREEZE: _Habit(12, (1.0, 8.0)),
    What.STOP: _Habit(7, (0.0, 3.0)),
    What.JOIN: _Habit(6, (3.0, 9.0), rest_seconds=8.0),
    What.CUT: _Habit(9, (0.0, 0.0)),
    What.DATABASE: _Habit(6, (0.0, 2.0), rest_seconds=10.0),
    What.KAFKA: _Habit(5, (0.0, 1.0), rest_seconds=18.0),
    What.PARTNER: _Habit(39, (0.5, 5.0)),
}
_EVERY_SECONDS: Final = 2.2
_CALM_BEFORE_SECONDS: Final = 2.0
CALLS: Final[Mapping[str, Sequence[str]]] = {
    "inventory": ("check-availability", "reserve", "update-reservation", "release"),
    "pricing": ("calculate", "estimate"),
    "payment": ("create-intent", "confirm-intent", "find-intent", "refund"),
}
WORKERS: Final = 3


def timeline(random: Random, seconds: float) -> list[Planned]:
    """The faults of a run of this length, in order."""
    planned: list[Planned] = []
    last: dict[What, float] = {}
    at = _CALM_BEFORE_SECONDS
    while (at := at + random.expovariate(1 / _EVERY_SECONDS)) < seconds:
        rested = [
            what
            for what, habit in _HABITS.items()
            if what not in last or at - last[what] >= habit.rest_seconds
        ]
        (what,) = random.choices(rested, [_HABITS[what].weight for what in rested])
        last[what] = at
        lasts = random.uniform(*_HABITS[what].seconds)
        worker = random.randrange(WORKERS)
        if what is What.PARTNER:
            partner = random.choice(sorted(CALLS))
            fault = _partner_fault(random, partner)
            planned.append(Planned(at, what, lasts, worker, partner, fault))
        else:
            planned.append(Planned(at, what, lasts, worker))
    return planned


def _partner_fault(random: Random, partner: str) -> Fault:
    kind = random.choice(sorted(Kind))
    call = random.choice([*CALLS[partner], "*"])
    times = random.choice([None, None, random.randint(1, 30)])
    seconds = random.uniform(*_SECONDS.get(kind, (0.0, 0.5)))
    # Who says 429 has done nothing: a partner that does it all the same is not to be helped.
    status = random.choice(_STATUSES if kind is Kind.ERROR else _STATUSES[:-1])
    headers = {"retry-after": str(random.randint(0, 2))} if status == 429 else {}
    garbage = random.choice(sorted(GARBAGE))
    return Fault(
        kind,
        call,
        times=times,
        seconds=seconds,
        status=status,
        headers=headers,
        garbage=garbage,
    )


_STATUSES: Final = (500, 502, 503, 504, 429)


# Longer than a call may take (5 s) now and then; a drip's are between two bytes.
_SECONDS: Final[Mapping[Kind, tuple[float, float]]] = {
    Kind.LATENCY: (0.1, 6.5),
    Kind.SLOW_DRIP: (0.01, 1.0),
}
