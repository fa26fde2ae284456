"""Parts of a rebuild side by side, each in a process that was forked before anything was opened.

Forked, as starting Python and importing all of it anew takes longer than a thousand events do;
before anything was opened, as neither threads nor connections survive that.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from aiokafka.errors import KafkaError

from app.rebuild_part import Advance, Plan, Step, Tally, part_of
from handlers.ports import CannotOpen, DatabaseAway, Share

_MOST: Final = 8  # of processes, however many cores there are: they share one PostgreSQL
_TOLD: Final = (CannotOpen, DatabaseAway, KafkaError, TimeoutError)
_PATIENCE_SECONDS: Final = 0.5
# Made before a collection, which all that a fold makes would outlive: it dies with its batch, and
# looking at it took 12 µs an event.
_OBJECTS: Final = 2_000_000


class PartDied(Exception):
    """A process ended before its part was done."""


class Processes:
    """Does a step in all parts at once."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def __len__(self) -> int:
        return len(self._pipes)

    def tell(self, plan: Plan) -> None:
        """What is to be rebuilt, before the first step."""
        for number, pipe in enumerate(self._pipes):
            _tell(pipe, (plan, Share(number, len(self._pipes))))

    async def do(self, step: Step, advance: Advance) -> Tally:
        """What all of them did together. Raises what one of them raised, and PartDied."""
        for pipe in self._pipes:
            _tell(pipe, step)
        tally, working = Tally(), list(self._pipes)
        far: dict[Connection, tuple[int, int]] = {}
        while working:
            for pipe, told in await asyncio.to_thread(_heard, working):
                match told:
                    case Tally():
                        tally.add(told)
                        working.remove(pipe)
                    case Exception():
                        raise told
                    case _:
                        far[pipe] = told
                        advance(*map(sum, zip(*far.values(), strict=True)))
        return tally


def _tell(pipe: Connection, what: object) -> None:
    with _death_named():
        pipe.send(what)


def _heard(pipes: list[Connection]) -> list[tuple[Connection, Any]]:
    """What has come; now and then nothing, or an interrupted command would wait for more."""
    with _death_named():
        ready = wait(pipes, timeout=_PATIENCE_SECONDS)
        return [(each, each.recv()) for each in ready if isinstance(each, Connection)]


@contextmanager
def _death_named() -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError):
        raise PartDied("a process of the rebuild ended before its part was done") from None


@contextmanager
def forked(number: int) -> Iterator[Processes]:
    """So many, which end with the block."""
    context = multiprocessing.get_context("fork")
    ours: list[Connection] = []
    processes = []
    try:
        for _ in range(number):
            end, its = context.Pipe()
            process = context.Process(target=_work, args=(its, [*ours, end]), daemon=True)
            process.start()
            its.close()
            ours.append(end)
            processes.append(process)
        yield Processes(ours)
    finally:
        for end in ours:
            end.close()
        for process in processes:
            process.terminate()
            process.join()


def number_for(plan: Plan) -> int:
    """As many as there are cores to be had. None for SQLite, which has one writer, for a rehearsal,
    which keeps all keys in memory, and where no process can be forked.
    """
    is_postgresql = plan.database.url.startswith("postgresql")
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if plan.is_rehearsal or not is_postgresql or not can_fork:
        return 0
    return min(len(os.sched_getaffinity(0)), _MOST)


def _work(pipe: Connection, of_others: Sequence[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began it ends it
    for each in of_others:
        each.close()  # or it would never hear that the other end is closed
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    with suppress(EOFError, ConnectionError):  # whoever began it is gone
        asyncio.run(_obey(pipe))


async def _obey(pipe: Connection) -> None:
    """Nothing else runs here, so what blocks keeps nobody waiting."""
    plan, share = pipe.recv()
    try:
        async with part_of(plan, share) as part:
            while True:
                step = pipe.recv()
                pipe.send(await part.do(step, lambda done, of: pipe.send((done, of))))
    except _TOLD as error:
        pipe.send(error)
