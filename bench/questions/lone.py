"""(d): how long a lone create takes, beside what it is made of: Kafka, commits, partner calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import quantiles
from typing import Final

from bench.bare import Job
from bench.figures import Measurement, Ratio
from bench.processes import process_running, worker_running
from bench.recording import Pattern
from bench.rounds import WARM_UP, latencies
from bench.scene import Contestant, Question, Scene


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    patterns, count = await scene.patterns(), scene.asked.lone
    commits = len(patterns[0].transactions)

    async def bare(of: Sequence[Pattern], commits: int) -> Measurement:
        async with scene.stage("bare") as stage:
            job = Job(
                stage.bootstrap_servers,
                stage.topics.prefix,
                stage.database_url,
                stage.partner_urls,
                of,
                count + WARM_UP,
                commits,
            )
            running = process_running("bench.bare", job, stage.log)
            return _measurement(await latencies(stage, running, count))

    async def worker() -> Measurement:
        async with scene.stage("lone") as stage:
            running = worker_running(stage.environment, stage.log)
            return _measurement(await latencies(stage, running, count))

    yield [
        Contestant("Kafka alone", lambda: bare((), 0)),
        Contestant("Kafka, commits, calls", lambda: bare(patterns, commits)),
        Contestant("worker", worker),
    ]


def _measurement(waits: Sequence[float]) -> Measurement:
    hundredths = quantiles(waits, n=100)
    return Measurement({"p50 ms": hundredths[49], "p99 ms": hundredths[98], "max ms": max(waits)})


LONE: Final = Question(
    "lone",
    "how long a lone create takes on an idle worker",
    _opened,
    [Ratio("worker", "Kafka, commits, calls", each) for each in ("p50 ms", "p99 ms")],
)
