"""Where questions are answered: the servers, the partners, and a way to tell who waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from app.local_servers import LocalServers
from bench.asked import Asked
from bench.figures import Measurement, Ratio
from bench.load import creates
from bench.recording import Pattern, recorded
from bench.stage import SECRET, Stage, set_up, tear_down


@dataclass(slots=True)
class Scene:
    """What all questions share. `say` takes a few words on what is being done."""

    servers: LocalServers
    partner_urls: Mapping[str, str]
    directory: Path
    asked: Asked
    say: Callable[[str], None]
    _patterns: list[Pattern] = field(default_factory=list)

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[Stage]:
        """New topics and a new database, which is dropped afterwards."""
        stage = await set_up(self.servers, self.partner_urls, name, self.directory)
        try:
            yield replace(stage, delivery=self.asked.delivery)
        finally:
            await tear_down(self.servers, stage)

    async def patterns(self) -> Sequence[Pattern]:
        """What the worker sends for a create of each kind; recorded once."""
        if not self._patterns:
            async with self.stage("recording") as stage:
                self._patterns = await recorded(creates(2, SECRET), stage.environment)
        return self._patterns


@dataclass(frozen=True, slots=True)
class Contestant:
    """One of those that take turns; each run of it gives one measurement."""

    subject: str
    run: Callable[[], Awaitable[Measurement]]


Opened: TypeAlias = AbstractAsyncContextManager[Sequence[Contestant]]


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be measured. `opened` makes ready what its contestants share.

    `rounds` overrides what was asked, where one takes long.
    """

    name: str
    asks: str
    opened: Callable[[Scene], Opened]
    ratios: Callable[[Asked], Sequence[Ratio]] = lambda _: ()
    rounds: int | None = None
