"""The workers of a house, one at a time; the next begins as soon as the one before is dead, or as
the group takes a frozen one for dead.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

import psutil
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.group import LeaveGroupRequest

from tests.service.house import House
from tests.service.matrix.failing_worker import Orders, live
from tests.service.waiting import until

_FORKS = get_context("forkserver")
DIES_WITHIN_SECONDS = 30.0


class Crew:
    """One worker works at any time; beside it there may be one that is frozen."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._worker: ForkServerProcess | None = None
        self._frozen: ForkServerProcess | None = None

    async def relieve(self, orders: Orders) -> None:
        """End the worker, if it still lives, and start another."""
        await self.end()
        self._start(orders)

    def _start(self, orders: Orders) -> None:
        # Forked from a process that has everything imported: a tenth of the time of a new one.
        _FORKS.set_forkserver_preload([live.__module__])
        self._worker = _FORKS.Process(target=live, args=(orders,), daemon=True)
        self._worker.start()

    async def end(self) -> None:
        """SIGKILL, and its death is told to the group."""
        ending = [worker for worker in (self._worker, self._frozen) if worker is not None]
        self._worker = self._frozen = None
        for worker in ending:
            worker.kill()
            await asyncio.to_thread(worker.join)
        if ending:
            await expel_everybody(self._house)

    async def killed_itself(self) -> bool:
        """Whether the worker has died by SIGKILL; False when it lives on or ended otherwise."""
        assert self._worker is not None
        await asyncio.to_thread(self._worker.join, DIES_WITHIN_SECONDS)
        return self._worker.exitcode == -signal.SIGKILL

    async def froze_itself(self) -> None:
        """Returns once the worker has stopped by SIGSTOP."""
        assert self._worker is not None
        process = psutil.Process(self._worker.pid)

        async def has_stopped() -> bool:
            return process.status() == psutil.STATUS_STOPPED

        await until(has_stopped, within_seconds=DIES_WITHIN_SECONDS)

    async def replace_frozen(self, orders: Orders) -> None:
        """Start another worker; the frozen one is none of the group any more, and does not know."""
        assert self._frozen is None, "one is frozen already"
        self._frozen, self._worker = self._worker, None
        await expel_everybody(self._house)
        self._start(orders)

    def wake_frozen(self) -> None:
        """It goes on where it was."""
        _wake(self._frozen)

    def wake(self) -> None:
        """The one that is in the group has frozen itself as well: it goes on."""
        _wake(self._worker)

    async def wake_and_dismiss_frozen(self) -> None:
        """Wake it, wait until it is through with what it had in hand, and have it stop in order.

        It joins the group anew only after that, since a rebalance waits for the batch in hand.
        """
        self.wake_frozen()
        await self._house.has_members(2)
        assert self._frozen is not None
        self._frozen.terminate()
        await asyncio.to_thread(self._frozen.join, DIES_WITHIN_SECONDS)
        assert self._frozen.exitcode == 0, f"it ended with {self._frozen.exitcode}"
        self._frozen = None


def _wake(worker: ForkServerProcess | None) -> None:
    assert worker is not None
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGCONT)


@asynccontextmanager
async def a_crew(house: House) -> AsyncIterator[Crew]:
    """Nobody of it lives after the block."""
    crew = Crew(house)
    try:
        yield crew
    finally:
        await crew.end()


async def expel_everybody(house: House) -> None:
    """Take the dead out of their groups, which would wait for them until the session ends."""
    admin = house.admin
    for group in (house.group, f"{house.group}-queries"):
        try:
            coordinator = await admin.find_coordinator(group)
        except GroupCoordinatorNotAvailableError:  # a new cluster has none until it is asked
            continue
        (described,) = await admin.describe_consumer_groups([group], coordinator)
        ((_, _, _, _, _, members, *_),) = described.groups
        for member in members:
            await admin._send_request(LeaveGroupRequest(group, member[0]), coordinator)
