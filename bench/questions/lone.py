"""(d): how long a lone create takes, with a worker that idles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import quantiles
from typing import Final

from bench.figures import Measurement
from bench.processes import worker_running
from bench.rounds import latencies
from bench.scene import Contestant, Question, Scene


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    count = scene.asked.lone

    async def worker() -> Measurement:
        async with scene.stage("lone") as stage:
            running = worker_running(stage.environment, stage.log)
            return _measurement(await latencies(stage, running, count))

    yield [Contestant("worker", worker)]


def _measurement(waits: Sequence[float]) -> Measurement:
    hundredths = quantiles(waits, n=100)
    return Measurement({"p50 ms": hundredths[49], "p99 ms": hundredths[98]})


LONE: Final = Question("lone", "how long a lone create takes on an idle worker", _opened)
