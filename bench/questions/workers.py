"""(g): the same load on one worker and on several of its group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from bench.asked import Asked
from bench.figures import Measurement, Ratio
from bench.load import creates
from bench.parts import OTHERS, SERVERS, cpu_seconds_by_part
from bench.processes import workers_running
from bench.questions.creates import EACH, PER_SECOND, measurement
from bench.rounds import WARM_UP, creates_round
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET

LOG_BYTES: Final = "bytes of PostgreSQL's log"


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    yield [Contestant(_subject(each), partial(_run, scene, each)) for each in scene.asked.workers]


async def _run(scene: Scene, number: int) -> Measurement:
    count = number * scene.asked.creates  # each has several batches in hand
    async with scene.stage("workers") as stage:
        running = workers_running(stage.environment, stage.log, number)
        log_before, before = await stage.log_position(), cpu_seconds_by_part()
        measured = await creates_round(stage, running, creates(count, SECRET))
        log, after = await stage.log_position() - log_before, cpu_seconds_by_part()
    found, cpu = measurement(measured), measured.span.cpu_by_process
    busiest = {"CPU % of the busiest": 100 * max(cpu) / sum(cpu)}
    done = count + WARM_UP
    servers = {
        cpu_of(part): (after[part] - before[part]) * 1000 / done for part in (*SERVERS, OTHERS)
    }
    return Measurement(
        {**found.quantities, **busiest, **servers, LOG_BYTES: log / done}, found.wrong
    )


def cpu_of(part: str) -> str:
    """The name of the figure: of a create, in milliseconds."""
    return f"CPU ms of {part}"


def _subject(number: int) -> str:
    return f"{number} worker" if number == 1 else f"{number} workers"


def _ratios(asked: Asked) -> Sequence[Ratio]:
    first, *others = asked.workers
    return [
        Ratio(_subject(each), _subject(first), quantity)
        for each in others
        for quantity in (PER_SECOND, EACH)
    ]


WORKERS: Final = Question("workers", "creates on one worker and on several", _opened, _ratios)
