"""The workers as a host runs them: who ends is started again, unless it is meant to be down."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.service.house import House
from tests.service.worker import STOPS_WITHIN_SECONDS, WorkerProcess

_LOOKS_EVERY_SECONDS: Final = 0.2
_STARTS_AGAIN_AFTER_SECONDS: Final = 1.0


@dataclass(slots=True)
class Berth:
    """A worker's place; `life` counts its starts, so that nobody wakes or judges a successor."""

    worker: WorkerProcess
    life: int = 0
    shot_in: int = 0
    is_wanted: bool = False
    is_frozen: bool = False
    _log_began_at: int = 0

    def start(self) -> None:
        """Begin the next life, unless somebody else has begun it."""
        if self.worker.lives:
            return
        self._log_began_at = self._log_bytes()
        self.worker.start()
        self.life += 1
        self.is_wanted, self.is_frozen = True, False

    def kill(self) -> None:
        """SIGKILL."""
        self.is_wanted, self.shot_in = False, self.life
        self.worker.kill()

    @property
    def has_spoken(self) -> bool:
        """Whether this life has logged anything yet."""
        return self._log_bytes() > self._log_began_at

    def _log_bytes(self) -> int:
        return self.worker.log.stat().st_size if self.worker.log.exists() else 0


@dataclass(slots=True)
class Fleet:
    """All workers of a house. `complaints` are ends that no worker should come to."""

    house: House
    berths: list[Berth] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def add(self) -> Berth:
        """One more worker, started."""
        berth = Berth(self.house.new_worker())
        self.berths.append(berth)
        berth.start()
        return berth

    async def supervise(self) -> None:
        """Start again whoever ended by itself, until cancelled."""
        while True:
            for berth in self.berths:
                if berth.is_wanted and not berth.worker.lives:
                    code = await berth.worker.exit_code()
                    self.ends[f"by itself with {code}"] += 1
                    self.complaints.append(f"{berth.worker.log.name} ended by itself with {code}")
                    await asyncio.sleep(_STARTS_AGAIN_AFTER_SECONDS)
                    berth.start()
            await asyncio.sleep(_LOOKS_EVERY_SECONDS)

    async def kill(self, berth: Berth, pause_seconds: float) -> None:
        """SIGKILL, and its next life after the pause."""
        berth.kill()
        self.ends["killed"] += 1
        await asyncio.sleep(pause_seconds)
        berth.start()

    async def freeze(self, berth: Berth, seconds: float) -> None:
        """SIGSTOP for so long; a killed one is not woken."""
        life = berth.life
        berth.worker.freeze()
        berth.is_frozen = True
        await asyncio.sleep(seconds)
        if berth.life == life and berth.worker.lives:
            berth.worker.wake()
            berth.is_frozen = False

    async def stop(self, berth: Berth, pause_seconds: float) -> None:
        """SIGTERM, and its next life after the pause."""
        await self.leave(berth)
        await asyncio.sleep(pause_seconds)
        berth.start()

    async def leave(self, berth: Berth) -> None:
        """SIGTERM: it has half a minute to end in good order."""
        berth.is_wanted = False
        life, may_be_deaf = berth.life, not berth.has_spoken
        berth.worker.ask_to_stop()
        name = berth.worker.log.name
        try:
            # Some of the time it may be frozen.
            code = await berth.worker.exit_code(STOPS_WITHIN_SECONDS + 10)
        except subprocess.TimeoutExpired:
            self.complaints.append(f"{name} was asked to stop, and still runs")
            berth.kill()
            return
        if berth.shot_in == life:
            return
        self.ends[f"stopped with {code}"] += 1
        # Before its interpreter listens to signals, SIGTERM simply ends it.
        if code and not (code == -signal.SIGTERM and may_be_deaf):
            self.complaints.append(f"{name} was asked to stop, and ended with {code}")
