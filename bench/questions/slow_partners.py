"""(h): creates with partners that take their time, beside the same with fast ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from pyreqwest.client import ClientBuilder

from bench.asked import Asked
from bench.figures import Measurement, Ratio
from bench.processes import partners_running
from bench.questions.creates import EACH, PER_SECOND, measurement
from bench.rounds import worker_round
from bench.scene import Contestant, Question, Scene

_FAST: Final = "fast partners"


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    async with partners_running() as slow_urls:
        for url in slow_urls.values():
            await _slow_down(url, scene.asked.latency_ms / 1000)
        slow = replace(scene, partner_urls=slow_urls)

        async def creates(where: Scene) -> Measurement:
            async with where.stage("partners") as stage:
                return measurement(await worker_round(stage, scene.asked.creates))

        yield [
            Contestant(_FAST, lambda: creates(scene)),
            Contestant(_slow(scene.asked), lambda: creates(slow)),
        ]


async def _slow_down(url: str, seconds: float) -> None:
    async with ClientBuilder().base_url(url).no_proxy().build() as client:
        order = {"kind": "latency", "seconds": seconds, "times": None}
        answer = await client.post("/_faults").body_json(order).build().send()
        if answer.status != 200:
            raise RuntimeError(f"expected a slow partner, got status {answer.status}")


def _slow(asked: Asked) -> str:
    return f"{asked.latency_ms} ms a call"


SLOW_PARTNERS: Final = Question(
    "slow-partners",
    "creates with partners that take their time",
    _opened,
    lambda asked: [Ratio(_slow(asked), _FAST, each) for each in (PER_SECOND, EACH)],
)
