"""The workers of a house, one at a time; the next begins as soon as the one before is dead."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.group import LeaveGroupRequest

from tests.service.house import House
from tests.service.matrix.failing_worker import Orders, live

_FORKS = get_context("forkserver")
DIES_WITHIN_SECONDS = 30.0


class Crew:
    """One worker lives at any time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._worker: ForkServerProcess | None = None

    async def relieve(self, orders: Orders) -> None:
        """End the worker, if it still lives, and start another."""
        await self.end()
        # Forked from a process that has everything imported: a tenth of the time of a new one.
        _FORKS.set_forkserver_preload([live.__module__])
        self._worker = _FORKS.Process(target=live, args=(orders,), daemon=True)
        self._worker.start()

    async def end(self) -> None:
        """SIGKILL, and its death is told to the group."""
        if self._worker is not None:
            self._worker.kill()
            await asyncio.to_thread(self._worker.join)
            await expel_everybody(self._house)
            self._worker = None

    async def killed_itself(self) -> bool:
        """Whether the worker has died by SIGKILL; False when it lives on or ended otherwise."""
        assert self._worker is not None
        await asyncio.to_thread(self._worker.join, DIES_WITHIN_SECONDS)
        return self._worker.exitcode == -signal.SIGKILL


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
