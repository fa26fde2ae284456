"""(f): creates and look-ups in a database that is empty, and in one that is not; hot and cold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from bench.asked import Asked
from bench.figures import Measurement, Ratio
from bench.filling import fill
from bench.processes import worker_running
from bench.questions.creates import EACH, PER_SECOND, measurement
from bench.questions.queries import asked_round, made
from bench.rounds import worker_round
from bench.scene import Contestant, Question, Scene
from bench.stage import Stage

_SEEN: Final = 400


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    count, asked = scene.asked.creates, scene.asked.queries
    async with AsyncExitStack() as open_:
        stages = {}
        for size in scene.asked.bookings:
            stages[size] = await open_.enter_async_context(scene.stage("growth"))
            await fill(stages[size], size, scene.say)
        yield [
            Contestant(_subject(size, name), partial(run, stage))
            for name, run in (
                (_COLD, partial(_creates, count, False)),
                (_HOT, partial(_creates, count, True)),
                (_BY_ID, partial(_look_ups, asked)),
            )
            for size, stage in stages.items()
        ]


_COLD, _HOT, _BY_ID = "many venues", "one venue", "by id"


def _subject(size: int, name: str) -> str:
    return f"{size:,} {name}"


async def _creates(count: int, is_hot: bool, stage: Stage) -> Measurement:
    return measurement(await worker_round(stage, count, is_hot=is_hot))


async def _look_ups(count: int, stage: Stage) -> Measurement:
    async with worker_running(stage.environment, stage.log) as pid:
        return await asked_round(stage, pid, "by id", await made(stage, _SEEN), count)


def _ratios(asked: Asked) -> Sequence[Ratio]:
    """Each size beside the first one."""
    first, *others = asked.bookings
    return [
        Ratio(_subject(size, name), _subject(first, name), quantity)
        for size in others
        for name in (_COLD, _HOT, _BY_ID)
        for quantity in (PER_SECOND, EACH)
    ]


GROWTH: Final = Question(
    "growth",
    "the same in a database that has grown, on many venues and on one",
    _opened,
    _ratios,
)
