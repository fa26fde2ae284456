"""A worker that was frozen and woke again: it believes it owns what somebody else has done."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.adapters.kafka.workers import Cluster, Echo, working


@asynccontextmanager
async def worker_process(cluster: Cluster) -> AsyncIterator[Process]:
    settings = cluster.settings
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.adapters.kafka.echo_worker",
        settings.bootstrap_servers,
        settings.topic_prefix,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def batches(process: Process, count: int) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        count -= line == b"batch\n"
        if count == 0:
            return
    raise AssertionError(f"the worker ended, {count} batches too early")


async def test_a_frozen_worker_cannot_publish_after_it_lost_its_partitions(
    cluster: Cluster,
) -> None:
    # More than a batch in every partition, so that it wakes with records in hand and fetched.
    sent = [f"c{number:05}".encode() for number in range(4_800)]
    await cluster.send(sent)
    async with worker_process(cluster) as frozen:
        await batches(frozen, 4)
        frozen.send_signal(signal.SIGSTOP)
        async with working(cluster.settings, Echo(cluster.names.events)):
            await cluster.events(len(sent), within_seconds=40)
            frozen.send_signal(signal.SIGCONT)
            late = await sent_until_it_works_again(cluster, frozen)
            events = await cluster.events(len(sent) + len(late))
    assert sorted(event.value or b"" for event in events) == sent + late


async def sent_until_it_works_again(cluster: Cluster, woken: Process) -> list[bytes]:
    """Commands for both workers, until the woken one has done a batch: it has tried all it had.

    One load of them would not do: the other one may be through with it before this one is back.
    """
    late: list[bytes] = []
    async with asyncio.timeout(60):
        again = asyncio.create_task(batches(woken, 1))
        while not again.done():
            more = [f"d{len(late) + number:05}".encode() for number in range(120)]
            await cluster.send(more)
            late += more
            await asyncio.wait([again], timeout=1)
        await again
    return late
