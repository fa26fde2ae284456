"""(d): how long a lone create takes, beside what it is made of: Kafka, commits, partner calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import quantiles
from typing import Final

from bench.bare import Job
from bench.figures import Measurement, Ratio
from bench.load import creates
from bench.processes import process_running, worker_running
from bench.recording import Pattern
from bench.rounds import WARM_UP, latencies, not_answered
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET


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
            waits, _ = await latencies(stage, running, creates(count, SECRET))
            return _measurement(waits)

    async def worker() -> Measurement:
        async with scene.stage("lone") as stage:
            running = worker_running(stage.environment, stage.log)
            load = creates(count, SECRET)
            waits, bodies = await latencies(stage, running, load)
            return _measurement(waits, not_answered(load, bodies))

    yield [
        Contestant("Kafka alone", lambda: bare((), 0)),
        Contestant("Kafka, commits, calls", lambda: bare(patterns, commits)),
        Contestant("worker", worker),
    ]


def _measurement(waits: Sequence[float], wrong: Sequence[str] = ()) -> Measurement:
    hundredths = quantiles(waits, n=100, method="inclusive")
    return Measurement(
        {"p50 ms": hundredths[49], "p99 ms": hundredths[98], "max ms": max(waits)}, wrong
    )


LONE: Final = Question(
    "lone",
    "how long a lone create takes on an idle worker",
    _opened,
    lambda _: [Ratio("worker", "Kafka, commits, calls", each) for each in ("p50 ms", "p99 ms")],
)
