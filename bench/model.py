"""What a create costs everybody who has to do with it, and how far that goes.

`python -m bench.model` measures the CPU of worker, PostgreSQL, Kafka, stand-in partners and load,
and the log that PostgreSQL writes, with one, two and four workers on this machine in turns. From
what one worker costs the model says what more of them should do here, beside what they did, and
where the limits lie when each part has machines of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import orjson
import psutil

from app.local_servers import LocalServers, local_servers
from bench.load import creates, send_at_once
from bench.processes import partners_running, worker_running
from bench.replies import Replies
from bench.stage import SECRET, Stage, set_up, tear_down

_WARM_UP: Final = 600
_WORKERS: Final = (1, 2, 4)
_PARTS: Final = ("worker", "postgres", "kafka", "partners", "load")
_OTHERS: Final = "others"
"""Who else was busy on this machine: much of it, and the figures are not worth much."""


@dataclass(frozen=True, slots=True)
class Run:
    """So many workers: creates a second; of a create, CPU milliseconds by part and bytes of log."""

    workers: int
    per_second: float
    cpu_ms: Mapping[str, float]
    log_bytes: float

    @property
    def whole_ms(self) -> float:
        return sum(self.cpu_ms[part] for part in _PARTS)


def predicted(one: Run, workers: int, cores: int) -> float:
    """Creates a second with all parts on one machine: what the workers can do, each on one core at
    the most, and what the machine can do.
    """
    of_workers = workers * max(one.per_second, 1000 / one.cpu_ms["worker"])
    return min(of_workers, cores * 1000 / one.whole_ms)


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of one, two and four workers each")
    parser.add_argument("--creates", type=int, default=6000, help="in a round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    runs = asyncio.run(_bench(asked.rounds, asked.creates))
    _report(runs)
    if asked.json:
        asked.json.write_bytes(orjson.dumps(runs, option=orjson.OPT_INDENT_2))
    return 0


def _report(runs: Sequence[Run]) -> None:
    cores = os.cpu_count() or 1
    middles = [_middle([run for run in runs if run.workers == count]) for count in _WORKERS]
    one = middles[0]
    for run in middles:
        model = predicted(one, run.workers, cores)
        costs = ", ".join(f"{part} {run.cpu_ms[part]:.3f}" for part in (*_PARTS, _OTHERS))
        _say(
            f"{run.workers} worker(s): {run.per_second:.0f}/s, the model says {model:.0f}"
            f" ({run.per_second / model:.2f} of it); CPU ms a create: {costs};"
            f" {run.log_bytes:.0f} bytes of PostgreSQL's log"
        )
    _say("Creates a second, each part on machines of its own:")
    for count in (1, 4, 12):
        _say(f"  {count} workers, a core each: {count * 1000 / one.cpu_ms['worker']:.0f}")
    for count in (4, 16, 64):
        _say(f"  PostgreSQL with {count} cores: {count * 1000 / one.cpu_ms['postgres']:.0f}")
    _say(f"  PostgreSQL's log at 200 MB/s: {200e6 / one.log_bytes:.0f}")
    _say(f"  Kafka with 4 cores: {4000 / one.cpu_ms['kafka']:.0f}")


def _middle(runs: Sequence[Run]) -> Run:
    return Run(
        runs[0].workers,
        median(run.per_second for run in runs),
        {part: median(run.cpu_ms[part] for run in runs) for part in (*_PARTS, _OTHERS)},
        median(run.log_bytes for run in runs),
    )


async def _bench(rounds: int, count: int) -> list[Run]:
    runs: list[Run] = []
    async with AsyncExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="booking-bench-")))
        running = local_servers(_say)
        servers = await asyncio.to_thread(running.__enter__)
        held.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        urls = await held.enter_async_context(partners_running())
        for number in range(rounds):
            for workers in _WORKERS:
                stage = await set_up(servers, urls, f"model-{number}-{workers}", directory)
                runs.append(await _run(servers, stage, workers, count))
                await tear_down(servers, stage)
    return runs


async def _run(servers: LocalServers, stage: Stage, workers: int, count: int) -> Run:
    async with AsyncExitStack() as held:
        brokers, topics = stage.bootstrap_servers, stage.topics
        replies = await held.enter_async_context(Replies(brokers, topics.replies))
        for _ in range(workers):
            await held.enter_async_context(worker_running(stage.environment, stage.log))
        for _ in range(2):  # the second when all workers have their partitions
            await send_at_once(brokers, topics.commands, creates(_WARM_UP, SECRET))
            await replies.settle(_WARM_UP)
        load = creates(count, SECRET)
        log_before = await stage.log_position()
        sending = asyncio.create_task(send_at_once(brokers, topics.commands, load))
        seen = len(await replies.next())
        early, began, before = seen, time.perf_counter(), _cpu_seconds()
        while seen < count:
            seen += len(await replies.next())
        seconds, after = time.perf_counter() - began, _cpu_seconds()
        await sending
        log_bytes = await stage.log_position() - log_before
    done = count - early
    cpu = {part: (after[part] - before[part]) * 1000 / done for part in (*_PARTS, _OTHERS)}
    return Run(workers, done / seconds, cpu, log_bytes / count)


def _cpu_seconds() -> dict[str, float]:
    """By part, of all processes that this one has started, and of itself."""
    found = dict.fromkeys(_PARTS, 0.0)
    here = psutil.Process()
    for process in (here, *here.children(recursive=True)):
        try:
            part, times = _part(process, here), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if part is not None:
            found[part] += times.user + times.system
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - machine.iowait
    return found | {_OTHERS: busy - sum(found.values())}


def _part(process: psutil.Process, here: psutil.Process) -> str | None:
    if process.pid == here.pid:
        return "load"
    words = process.cmdline()
    program = Path(words[0]).name if words else ""
    if program.startswith("postgres"):
        return "postgres"
    if program == "java":
        return "kafka"
    if "app.demo.partners" in words:
        return "partners"
    return "worker" if any("main(['run'])" in word for word in words) else None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
