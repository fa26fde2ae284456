"""(e): queries of each kind, all at once to one worker that does nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import orjson

from bench.figures import Measurement
from bench.load import creates, send_at_once
from bench.processes import worker_running
from bench.query_load import KINDS, Booking, queries
from bench.questions.creates import EACH, PER_SECOND
from bench.replies import Replies
from bench.rounds import not_answered
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET, Stage

_WARM_UP: Final = 400


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    async with (
        scene.stage("queries") as stage,
        worker_running(stage.environment, stage.log) as pid,
    ):
        bookings = await made(stage, scene.asked.creates)
        yield [
            Contestant(kind, partial(asked_round, stage, pid, kind, bookings, scene.asked.queries))
            for kind in KINDS
        ]


async def made(stage: Stage, count: int) -> list[Booking]:
    """Bookings that a running worker makes, as their replies show them."""
    async with Replies(stage.bootstrap_servers, stage.topics.replies) as replies:
        load, bodies = creates(count, SECRET), list[bytes]()
        await send_at_once(stage.bootstrap_servers, stage.topics.commands, load)
        while len(bodies) < count:
            bodies += await replies.next()
    if wrong := not_answered(load, bodies):
        raise RuntimeError(f"expected bookings to ask about: {wrong}")
    return [orjson.loads(body)["data"] for body in bodies]


async def asked_round(
    stage: Stage, pid: int, kind: str, bookings: Sequence[Booking], count: int
) -> Measurement:
    """A round of one kind, to a worker that runs."""
    load = queries(kind, bookings, count, SECRET)
    async with Replies(stage.bootstrap_servers, stage.topics.replies) as replies:
        first = queries(kind, bookings, _WARM_UP, SECRET)
        await send_at_once(stage.bootstrap_servers, stage.topics.queries, first)
        await replies.settle(_WARM_UP)
        await send_at_once(stage.bootstrap_servers, stage.topics.queries, load)
        span = await replies.span(count, pid)
        surplus = await replies.surplus()
    wrong = not_answered(load, span.bodies, 200)
    wrong += [f"{surplus} replies too many"] if surplus else []
    return Measurement({PER_SECOND: span.per_second, EACH: span.cpu_ms_each}, wrong)


QUERIES: Final = Question("queries", "queries a second and CPU for each, by kind", _opened)
