"""What a create costs by stage: `python -m bench.stages`, half a minute.

The worker's own handlers in this process, on batches of 200 creates as the benchmark's, with a real
PostgreSQL and the stand-in partners, without Kafka: steady to a few percent where whole rounds of
`make bench` differ by ten. CPU of the main thread by stage; the HTTP client's thread is what the
process has beside. `--profile FILE` writes a cProfile of it, for snakeviz or pstats.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import uvloop

from adapters.database.database import open_database
from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from adapters.partners import HttpPartners
from app.cycles import look_for_cycles_among_what_comes
from app.local_servers import local_servers
from app.settings import load
from app.wiring import service_keys
from bench.load import creates
from bench.processes import partners_running
from bench.recording import handlers_of, home_of
from bench.report import remark
from bench.stage import SECRET, Stage, set_up, tear_down
from handlers.commands import CommandHandlers
from handlers.ports import Held, Record
from handlers.ports import Stage as Step
from handlers.watch import Unwatched

BATCH: Final = 200
WARM_UP: Final = 3
"""Batches."""


class Stopwatch(Unwatched):
    """CPU seconds of this thread by stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._stage, self._since = "", time.thread_time()

    def begins(self, records: Sequence[Record]) -> None:
        self.at(Step.INTAKE)

    def wave(self, records: Sequence[Record]) -> None:
        self.at(Step.RECALL)

    def at(self, stage: str) -> None:
        now = time.thread_time()
        self.spent[self._stage] += now - self._since
        self._stage, self._since = stage, now


def main() -> None:
    """Prints a line for each stage."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--batches", type=int, default=20, help=f"of {BATCH} creates")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write a cProfile there")
    asked = parser.parse_args()
    uvloop.run(_measured(asked.batches, asked.profile))


async def _measured(batches: int, profile: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="booking-stages-") as place:
        servers_running = local_servers(remark)
        servers = await asyncio.to_thread(servers_running.__enter__)
        try:
            async with partners_running() as urls:
                stage = await set_up(servers, urls, "stages", Path(place))
                await _run(stage, batches, profile)
                await tear_down(servers, stage)
        finally:
            await asyncio.to_thread(servers_running.__exit__, None, None, None)


async def _run(stage: Stage, batches: int, profile: Path | None) -> None:
    os.environ.update(stage.environment)
    settings, watch = load(), Stopwatch()
    database = open_database(settings.database, service_keys(settings.seal_keys))
    topic = stage.topics.commands
    try:
        async with HttpPartners(settings.inventory, settings.pricing, settings.payment) as partners:
            held = {
                partition: Held((await database.lanes.open_lane(topic, partition)).epoch)
                for partition in range(PARTITIONS)
            }
            handlers = replace(
                handlers_of(settings, partners, database.lanes),
                watch=watch,
                home_of=lru_cache(16_384)(home_of),  # as app/wiring has it
            )
            ready = _batches(topic, WARM_UP + batches)
            look_for_cycles_among_what_comes()  # as the worker does
            for batch in ready[:WARM_UP]:
                await _do(handlers, batch, held)
            watch.spent.clear()
            whole = time.process_time()
            with cProfile.Profile(time.thread_time) if profile else nullcontext() as profiler:
                for batch in ready[WARM_UP:]:
                    await _do(handlers, batch, held)
            watch.at("")
            _print(watch, time.process_time() - whole, batches * BATCH)
            if profile and profiler:
                profiler.dump_stats(profile)
    finally:
        await database.close()


def _batches(topic: str, number: int) -> list[list[Record]]:
    """Each create where its venue is at home, with the offsets in their order."""
    offsets = defaultdict[int, int](int)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    records: list[Record] = []
    for create in creates(number * BATCH, SECRET):
        home = home_partition(create.key, PARTITIONS)
        at, offsets[home] = offsets[home], offsets[home] + 1
        records.append(Record(topic, home, at, now_ms, create.key, create.value, create.headers))
    return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]


async def _do(handlers: CommandHandlers, batch: Sequence[Record], held: dict[int, Held]) -> None:
    outputs = await handlers.process(
        batch, {each.partition: held[each.partition] for each in batch}
    )
    if sum(map(len, outputs.values())) != 3 * len(batch):
        raise RuntimeError("expected a reply, an event and a guest's key for each create")


def _print(watch: Stopwatch, whole: float, creates: int) -> None:
    rows = [(stage.value, watch.spent[stage]) for stage in Step if watch.spent[stage]]
    mine = sum(seconds for _, seconds in rows)
    for what, seconds in (*rows, ("this thread", mine), ("the whole process", whole)):
        sys.stdout.write(f"{what:<20}{seconds / creates * 1e6:6.0f} µs of CPU per create\n")


if __name__ == "__main__":
    main()
