"""The planned faults, carried out when their time comes; each told with what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.demo.partners.desk import Desk
from app.local_servers import LocalServers
from tests.chaos.fleet import Berth, Fleet
from tests.chaos.timeline import Planned, What
from tests.service.house import House

_CUT: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """One fault as it was: `seconds` is None when nobody was there whom it could have met."""

    planned: Planned
    at_seconds: float
    seconds: float | None
    whom: str = ""


@dataclass(slots=True)
class Storm:
    """What the timeline says, done to the house."""

    house: House
    servers: LocalServers
    fleet: Fleet
    happened: list[Happened] = field(default_factory=list)
    _kafka: asyncio.Lock = field(default_factory=asyncio.Lock)
    _database: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, timeline: Sequence[Planned]) -> None:
        """Returns when the last fault is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as faults:
            for planned in timeline:
                await asyncio.sleep(max(0.0, began + planned.at_seconds - time.monotonic()))
                faults.create_task(self._carry_out(planned, began))

    async def _carry_out(self, planned: Planned, began: float) -> None:
        at = time.monotonic()
        whom = await self._doing[planned.what](planned)
        lasted = None if whom is None else time.monotonic() - at
        self.happened.append(Happened(planned, at - began, lasted, whom or ""))

    @property
    def _doing(self) -> dict[What, Callable[[Planned], Awaitable[str | None]]]:
        return {
            What.KILL: self._kill,
            What.FREEZE: self._freeze,
            What.STOP: self._stop,
            What.JOIN: self._join,
            What.CUT: self._cut,
            What.DATABASE: self._kill_database,
            What.KAFKA: self._kill_kafka,
            What.PARTNER: self._fail,
        }

    async def _kill(self, planned: Planned) -> str | None:
        # A frozen or a stopping one may be killed as well.
        berth = self._someone(planned.worker, lambda berth: berth.worker.lives)
        if berth is None:
            return None
        await self.fleet.kill(berth, planned.seconds)
        return berth.worker.log.stem

    async def _freeze(self, planned: Planned) -> str | None:
        berth = self._someone(planned.worker, _is_up)
        if berth is None:
            return None
        await self.fleet.freeze(berth, planned.seconds)
        return berth.worker.log.stem

    async def _stop(self, planned: Planned) -> str | None:
        berth = self._someone(planned.worker, _is_up)
        if berth is None:
            return None
        await self.fleet.stop(berth, planned.seconds)
        return berth.worker.log.stem

    def _someone(self, number: int, fits: Callable[[Berth], bool]) -> Berth | None:
        """The worker that was drawn, or else the next one that fits."""
        lasting = self.fleet.berths[:3]
        turned = [*lasting[number:], *lasting[:number]]
        return next((berth for berth in turned if fits(berth)), None)

    async def _join(self, planned: Planned) -> str:
        berth = self.fleet.add()
        await asyncio.sleep(planned.seconds)
        await self.fleet.leave(berth)
        return berth.worker.log.stem

    async def _cut(self, planned: Planned) -> str:
        async with self._database:  # it must be there to do it
            cut = await self.house.rows(_CUT)
        return f"{len(cut)} connections"

    async def _kill_database(self, planned: Planned) -> str:
        async with self._database:
            await asyncio.to_thread(self.servers.postgres.kill)
            await asyncio.sleep(planned.seconds)
            await asyncio.to_thread(self.servers.postgres.start)
        return ""

    async def _kill_kafka(self, planned: Planned) -> str:
        async with self._kafka:
            await asyncio.to_thread(self.servers.kafka.kill)
            await asyncio.sleep(planned.seconds)
            await asyncio.to_thread(self.servers.kafka.start)
        return ""

    async def _fail(self, planned: Planned) -> str:
        desk: Desk = getattr(self.house.partners, planned.partner)
        assert planned.fault is not None, "a partner fault says how"
        desk.faults.add(planned.fault)
        await asyncio.sleep(planned.seconds)
        desk.faults.withdraw(planned.fault)
        return ""


def _is_up(berth: Berth) -> bool:
    return berth.worker.lives and berth.is_wanted and not berth.is_frozen
