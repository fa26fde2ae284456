"""(a), (b): creates a second and CPU for each, the worker's beside the floor's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

from bench.figures import Measurement, Ratio
from bench.rounds import Measured, floor_round, worker_round
from bench.scene import Contestant, Question, Scene

EACH: Final = "CPU ms each"
PER_SECOND: Final = "a second"
WHOLE: Final = "a second, start and end included"


def measurement(measured: Measured) -> Measurement:
    """Of a round of creates."""
    found = {
        PER_SECOND: measured.span.per_second,
        WHOLE: measured.whole_per_second,
        EACH: measured.span.cpu_ms_each,
    }
    if measured.batches:
        found["batch (median)"] = median(measured.batches)
    return Measurement(found, measured.wrong)


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    patterns, count = await scene.patterns(), scene.asked.creates

    async def floor() -> Measurement:
        async with scene.stage("floor") as stage:
            return measurement(await floor_round(stage, count, patterns))

    async def worker() -> Measurement:
        async with scene.stage("worker") as stage:
            return measurement(await worker_round(stage, count))

    yield [Contestant("floor", floor), Contestant("worker", worker)]


CREATES: Final = Question(
    "creates",
    "what a create costs beside one without any logic",
    _opened,
    lambda _: [Ratio("worker", "floor", EACH), Ratio("worker", "floor", PER_SECOND)],
)
