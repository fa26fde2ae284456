"""The wire between a worker and a server, in the test's hands: cut, silent, or whole again."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from app.local_servers.loopback import HOST

MOST_BYTES = 64 * 1024


class Fate(StrEnum):
    """What becomes of a message that decides something; the client hears in no case what."""

    LOST = "the server never gets it"
    UNHEARD = "the server has done it before the client is cut"
    LATE = "the server gets it when the test says so"


@dataclass(eq=False, slots=True)
class Line:
    """One connection through the proxy, seen from its middle."""

    from_client: StreamReader
    to_client: StreamWriter
    from_server: StreamReader
    to_server: StreamWriter
    wire: Proxy

    async def carry(self, source: StreamReader, to: StreamWriter) -> None:
        """Everything from one end to the other, until either is gone."""
        while piece := await source.read(MOST_BYTES):
            await self.hand_on(to, piece)

    async def hand_on(self, to: StreamWriter, piece: bytes) -> None:
        """These bytes, once the wire lets anything pass."""
        await self.wire.passing.wait()
        to.write(piece)
        await to.drain()

    def cut(self) -> None:
        """As a broken wire that both ends notice: what was on its way is lost."""
        self.to_client.transport.abort()
        self.to_server.transport.abort()


Carrying: TypeAlias = Callable[[Line], Awaitable[None]]
"""Carries one direction of a line until an end is gone."""


async def upwards(line: Line) -> None:
    """What the client says, as it is."""
    await line.carry(line.from_client, line.to_server)


async def downwards(line: Line) -> None:
    """What the server says, as it is."""
    await line.carry(line.from_server, line.to_client)


@dataclass(slots=True)
class Proxy:
    """Clients of 127.0.0.1:`port` reach the server at `target`, as far as they may."""

    port: int
    target: tuple[str, int]
    up: Carrying = upwards
    down: Carrying = downwards
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)
    _lines: set[Line] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def heal(self) -> None:
        """The wire is whole: what was held back by silence arrives, who was refused gets in."""
        self.passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._meet, HOST, self.port)

    def cut(self) -> None:
        """Every connection breaks, and nobody gets in: both ends are told at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in self._lines:
            line.cut()

    def fall_silent(self) -> None:
        """Nothing passes, neither bytes nor the end of a connection: no end is told anything."""
        self.passing.clear()

    async def close(self) -> None:
        """For good."""
        self.cut()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _meet(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(from_client, to_client))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        try:
            await self.passing.wait()
            from_server, to_server = await asyncio.open_connection(*self.target)
        except BaseException as error:
            to_client.transport.abort()
            if isinstance(error, OSError):  # the server itself is away
                return
            raise
        line = Line(from_client, to_client, from_server, to_server, self)
        self._lines.add(line)
        directions = [
            asyncio.ensure_future(self._carried(way(line))) for way in (self.up, self.down)
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            await self.passing.wait()
        finally:
            self._lines.discard(line)
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            line.cut()

    async def _carried(self, carrying: Awaitable[None]) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await carrying


@asynccontextmanager
async def proxy(
    port: int, target: tuple[str, int], *, up: Carrying = upwards, down: Carrying = downwards
) -> AsyncIterator[Proxy]:
    """A whole wire to begin with; gone after the block."""
    wire = Proxy(port, target, up, down)
    await wire.heal()
    try:
        yield wire
    finally:
        await wire.close()
