"""(j): the worker's memory while it does all it can for as long as one likes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean
from typing import Final

from bench.figures import Measurement
from bench.load import creates, send_at_once
from bench.processes import worker_running
from bench.questions.creates import PER_SECOND
from bench.replies import NoReplies, Replies
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET, Stage

_AHEAD: Final = 3000  # records that always wait for the worker
_PORTION: Final = 1000
_EVERY_SECONDS: Final = 2.0
_WARM: Final = 0.2  # of the time: caches fill and pools open


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    async def worker() -> Measurement:
        async with (
            scene.stage("memory") as stage,
            worker_running(stage.environment, stage.log) as pid,
            Replies(stage.bootstrap_servers, stage.topics.replies) as replies,
        ):
            return await _watched(scene, stage, pid, replies)

    yield [Contestant("worker", worker)]


async def _watched(scene: Scene, stage: Stage, pid: int, replies: Replies) -> Measurement:
    seconds = scene.asked.minutes * 60
    until = time.monotonic() + seconds
    feeding = asyncio.create_task(_feed(stage, until, waiting := asyncio.Semaphore(_AHEAD)))
    seen, samples, last = 0, list[tuple[float, float]](), 0.0
    began = time.monotonic()
    try:
        while not feeding.done() or seen < feeding.result():
            replied = len(await replies.next())
            seen += replied
            for _ in range(replied):
                waiting.release()
            if (now := time.monotonic()) - last >= _EVERY_SECONDS:
                last = now
                samples.append(((now - began) / 60, resident_mb(pid)))
                scene.say(f"{samples[-1][0]:.1f} min, {seen} creates, {samples[-1][1]:.0f} MB")
    except NoReplies as silence:
        raise NoReplies(f"{silence}. The log:\n{stage.log_tail()}") from silence
    surplus, bookings = await replies.surplus(), await stage.bookings()
    wrong = [f"{surplus} replies too many"] if surplus else []
    wrong += [f"{bookings} bookings of {seen} stand"] if bookings != seen else []
    return Measurement(
        {PER_SECOND: seen / (time.monotonic() - began), **growth(samples)}, wrong, samples
    )


async def _feed(stage: Stage, until: float, waiting: asyncio.Semaphore) -> int:
    """How many were sent; never more than so many ahead of the replies."""
    sent = 0
    while time.monotonic() < until:
        load = await asyncio.to_thread(creates, _PORTION, SECRET)
        for _ in load:
            await waiting.acquire()
        await send_at_once(stage.bootstrap_servers, stage.topics.commands, load)
        sent += len(load)
    return sent


def growth(samples: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Of minutes and MB: the most, and by how much the second half's mean is above the first's,
    once it is warm, in percent.
    """
    warm = samples[int(len(samples) * _WARM) :]
    half = len(warm) // 2
    before, after = (mean(mb for _, mb in part) for part in (warm[:half] or warm, warm[half:]))
    return {
        "most MB": max(mb for _, mb in samples),
        "MB at the end": samples[-1][1],
        "% more in the second half": 100 * (after / before - 1),
    }


def resident_mb(pid: int) -> float:
    """What a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"expected process {pid} to say what it holds")


MEMORY: Final = Question("memory", "the worker's memory at full rate", _opened, rounds=1)
