"""The processes of the benchmark, each ended with its block; the worker is `booking run`."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import orjson

from app.health_file import last_beat
from app.local_servers.loopback import HOST, free_port

_ROOT: Final = Path(__file__).parent.parent
_GOODBYE_SECONDS: Final = 30
_READY_SECONDS: Final = 60


@asynccontextmanager
async def partners_running() -> AsyncIterator[dict[str, str]]:
    """The three stand-ins; gives their addresses."""
    arguments = ("-m", "app.demo.partners", "--no-ledger")
    async with _running(arguments, {}, stdout=PIPE) as process:
        if process.stdout is None:
            raise RuntimeError("expected a pipe to the stand-ins")
        urls = orjson.loads(await process.stdout.readline())
        yield {name.removesuffix("_url"): url for name, url in urls.items()}


@asynccontextmanager
async def worker_running(environment: Mapping[str, str], log: Path) -> AsyncIterator[int]:
    """`booking run`, with metrics on; gives its process id. What it logs is in `log`."""
    metrics = {"BOOKING_METRICS__HOST": HOST, "BOOKING_METRICS__PORT": str(free_port())}
    with log.open("ab") as file:
        arguments = ("-c", "from app.cli import main; main(['run'])")
        async with _running(arguments, {**environment, **metrics}, stderr=file.fileno()) as process:
            yield process.pid


@asynccontextmanager
async def workers_running(
    environment: Mapping[str, str], log: Path, number: int
) -> AsyncIterator[tuple[int, ...]]:
    """So many `booking run`, each of which says that it is ready; gives their process ids."""
    async with AsyncExitStack() as open_:
        pids = []
        for each in range(number):
            health = log.with_suffix(f".health-{each}")
            told = {**environment, "BOOKING_HEALTH__FILE": str(health)}
            pids.append(await open_.enter_async_context(worker_running(told, log)))
            async with asyncio.timeout(_READY_SECONDS):
                while (beat := last_beat(health)) is None or not beat.condition.ready:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        yield tuple(pids)


@asynccontextmanager
async def process_running(module: str, job: msgspec.Struct, log: Path) -> AsyncIterator[int]:
    """A module of the benchmark with a job; gives its process id."""
    told = log.with_suffix(".json")
    told.write_bytes(msgspec.json.encode(job))
    with log.open("ab") as file:
        async with _running(("-m", module, str(told)), {}, stderr=file.fileno()) as process:
            yield process.pid


@asynccontextmanager
async def _running(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    stdout: int = DEVNULL,
    stderr: int | None = None,
) -> AsyncIterator[Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BOOKING_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=_ROOT,
        env=clean | dict(environment),
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
