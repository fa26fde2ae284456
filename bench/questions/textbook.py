"""(c): creates for the same CPU, the worker's beside those of the worker most teams would write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bench.figures import Measurement, Ratio
from bench.load import creates
from bench.processes import process_running
from bench.questions.creates import EACH, PER_SECOND, measurement
from bench.rounds import creates_round, worker_round
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET
from bench.textbook.worker import Job

_SHARE: Final = 8  # it takes about as long for an eighth
_WARM_UP: Final = 50


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    async def textbook() -> Measurement:
        async with scene.stage("textbook") as stage:
            job = Job(
                stage.bootstrap_servers,
                stage.topics.prefix,
                stage.database_url,
                stage.partner_urls,
                SECRET,
            )
            measured = await creates_round(
                stage,
                process_running("bench.textbook.worker", job, stage.log),
                creates(max(scene.asked.creates // _SHARE, 100), SECRET),
                warm_up=_WARM_UP,
                table="textbook.bookings",
            )
            return measurement(measured)

    async def worker() -> Measurement:
        async with scene.stage("worker") as stage:
            return measurement(await worker_round(stage, scene.asked.creates))

    yield [Contestant("textbook", textbook), Contestant("worker", worker)]


TEXTBOOK: Final = Question(
    "textbook",
    "what the worker costs beside the one that most teams would write",
    _opened,
    lambda _: [Ratio("textbook", "worker", EACH), Ratio("worker", "textbook", PER_SECOND)],
)
