"""The questions asked one after another, their contestants in turns, with a bar for who waits."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.local_servers import local_servers
from bench.asked import Asked
from bench.figures import Answer
from bench.processes import partners_running
from bench.replies import NoReplies
from bench.report import remark
from bench.scene import Question, Scene

_TOLD_EVERY_SECONDS: Final = 10.0  # where there is no terminal that shows bars


async def run(asked: Asked, questions: Mapping[str, Question]) -> tuple[list[Answer], str]:
    """Each answer, and PostgreSQL's version. Raises ServerUnavailable."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        async with _scene(asked) as scene:
            answers = [await answered(questions[name], scene, bars) for name in asked.questions]
            return answers, await _version(scene.servers.postgres.url)


async def answered(question: Question, scene: Scene, bars: Progress) -> Answer:
    """Its contestants in turns, so many rounds as are asked for."""
    bar = bars.add_task(question.name, total=None)

    told = 0.0

    def say(words: str) -> None:
        nonlocal told
        bars.update(bar, description=f"{question.name}: {words}")
        if not bars.console.is_terminal and time.monotonic() - told >= _TOLD_EVERY_SECONDS:
            told = time.monotonic()
            remark(f"{question.name}: {words}")

    scene.say = say
    answer = Answer(question.name, question.ratios(scene.asked))
    try:
        async with question.opened(scene) as contestants:
            rounds = question.rounds or scene.asked.rounds
            bars.update(bar, total=rounds * len(contestants))
            for number in range(1, rounds + 1):
                for contestant in contestants:
                    say(f"{contestant.subject}, round {number}")
                    answer.add(contestant.subject, await contestant.run())
                    bars.advance(bar)
    except (NoReplies, RuntimeError) as failure:  # the others shall still be answered
        answer.broken_off = str(failure)
    bars.update(bar, description=question.name)
    return answer


@asynccontextmanager
async def _scene(asked: Asked) -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as place:
        servers_running = local_servers(remark)
        servers = await asyncio.to_thread(servers_running.__enter__)
        try:
            async with partners_running() as urls:
                yield Scene(servers, urls, Path(place), asked, remark)
        finally:
            await asyncio.to_thread(servers_running.__exit__, None, None, None)


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        return str(await connection.fetchval("show server_version"))
    finally:
        await connection.close()


def wrong_in(answers: Sequence[Answer]) -> list[str]:
    """All that should not have been."""
    return [what for each in answers for what in each.wrong]
