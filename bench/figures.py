"""The figures of a run: medians over its rounds, and how they stand to what we aim at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Final

from bench.rounds import Measured

MOST_TIMES_THE_FLOOR: Final = 3.0
LEAST_PER_SECOND: Final = 600.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Creates a second end to end, and CPU milliseconds of the one process per create."""

    per_second: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """`rounds` in the order they were run, floor and worker; `times_the_floor` of CPU time, the
    median of each round's own ratio. Latencies in milliseconds.
    """

    creates: int
    floor: Rate
    worker: Rate
    times_the_floor: float
    rounds: Sequence[tuple[Rate, Rate]]
    batch_median: float
    batch_largest: int
    lone_p50_ms: float
    lone_p99_ms: float
    wrong: Sequence[str]

    @property
    def near_the_floor(self) -> bool:
        return self.times_the_floor <= MOST_TIMES_THE_FLOOR

    @property
    def fast_enough(self) -> bool:
        return self.worker.per_second >= LEAST_PER_SECOND

    def as_json(self) -> dict[str, Any]:
        targets = {
            "times_the_floor": {"at_most": MOST_TIMES_THE_FLOOR, "reached": self.near_the_floor},
            "per_second": {"at_least": LEAST_PER_SECOND, "reached": self.fast_enough},
        }
        return asdict(self) | {"targets": targets}


def figures(
    creates: int, floors: Sequence[Measured], workers: Sequence[Measured], waits: Sequence[float]
) -> Figures:
    """Of rounds that took turns."""
    rounds = [(_rate(f), _rate(w)) for f, w in zip(floors, workers, strict=True)]
    batches = [size for each in workers for size in each.batches]
    hundredths = quantiles(waits, n=100)
    return Figures(
        creates=creates,
        floor=_middle([f for f, _ in rounds]),
        worker=_middle([w for _, w in rounds]),
        times_the_floor=median(w.cpu_ms / f.cpu_ms for f, w in rounds),
        rounds=rounds,
        batch_median=median(batches),
        batch_largest=max(batches),
        lone_p50_ms=hundredths[49],
        lone_p99_ms=hundredths[98],
        wrong=[each for measured in (*floors, *workers) for each in measured.wrong],
    )


def _rate(measured: Measured) -> Rate:
    return Rate(measured.span.per_second, measured.span.cpu_ms_each)


def _middle(rates: Sequence[Rate]) -> Rate:
    return Rate(median(r.per_second for r in rates), median(r.cpu_ms for r in rates))
