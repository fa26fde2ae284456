"""What the short memories of queries save, and what hearing the events for them costs a create."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from bench.asked import Asked
from bench.figures import Measurement, Ratio
from bench.load import creates
from bench.processes import worker_running
from bench.questions.creates import EACH, PER_SECOND, measurement
from bench.questions.queries import asked_round, made
from bench.rounds import creates_round
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET

_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "without": {},
    "with": {
        "BOOKING_CACHE__AVAILABILITY_SECONDS": "60",
        "BOOKING_CACHE__REFERENCE_SECONDS": "60",
    },
}
_KINDS: Final = ("by reference", "availability")
_ASKED_TIMES: Final = 5
_CREATES: Final = "creates"


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    """Each of as many bookings is asked about five times in a round, which takes a few seconds."""
    async with AsyncExitStack() as held:
        askers = {}
        for name, settings in _SETTINGS.items():
            stage = await held.enter_async_context(scene.stage(f"caches-{name}"))
            running = worker_running(stage.environment | dict(settings), stage.log)
            pid = await held.enter_async_context(running)
            askers[name] = stage, pid, await made(stage, scene.asked.queries // _ASKED_TIMES)
        yield [
            *(
                Contestant(
                    _subject(kind, name),
                    partial(asked_round, stage, pid, kind, bookings, scene.asked.queries),
                )
                for kind in _KINDS
                for name, (stage, pid, bookings) in askers.items()
            ),
            *(
                Contestant(_subject(_CREATES, name), partial(_creates, scene, settings))
                for name, settings in _SETTINGS.items()
            ),
        ]


async def _creates(scene: Scene, settings: Mapping[str, str]) -> Measurement:
    async with scene.stage("caches-creates") as stage:
        running = worker_running(stage.environment | dict(settings), stage.log)
        load = creates(scene.asked.creates, SECRET)
        return measurement(await creates_round(stage, running, load))


def _subject(kind: str, name: str) -> str:
    return f"{kind} {name}"


def _ratios(_: Asked) -> Sequence[Ratio]:
    return [
        Ratio(_subject(kind, "with"), _subject(kind, "without"), quantity)
        for kind in (*_KINDS, _CREATES)
        for quantity in (PER_SECOND, EACH)
    ]


CACHES: Final = Question(
    "caches", "queries that remember for a moment beside those that do not", _opened, _ratios
)
