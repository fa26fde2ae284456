"""Ends of Kafka transactions that never arrive, arrive late, or are done and not heard of.

Reads just enough of Kafka's protocol to see what is asked: a request is its size and its number.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final

from tests.service.faults.proxy import MOST_BYTES, Fate, Line

_END_TXN: Final = 26


@dataclass(eq=False, slots=True)
class Ends:
    """The ends of transactions that pass through a proxy to Kafka."""

    met: asyncio.Event = field(default_factory=asyncio.Event)
    _fate: Fate | None = None
    _deaf: dict[Line, asyncio.Event] = field(default_factory=dict)

    def order(self, fate: Fate) -> None:
        """Let this happen to the next one, and the whole wire with it: it falls silent, from this
        message on, when that comes late; else it is cut.
        """
        self.met.clear()
        self._fate = fate

    async def up(self, line: Line) -> None:
        """What the client asks, request by request."""
        while True:
            head = await line.from_client.readexactly(4)
            (size,) = struct.unpack(">i", head)
            body = await line.from_client.readexactly(size)
            (number,) = struct.unpack_from(">h", body)
            if number == _END_TXN and self._fate is not None:
                fate, self._fate = self._fate, None
                if not await self._passes(line, fate, head + body):
                    line.wire.cut()
                    self.met.set()
                    return
            await line.hand_on(line.to_server, head + body)

    async def down(self, line: Line) -> None:
        """What the server answers, unless nobody is to hear it any more."""
        while piece := await line.from_server.read(MOST_BYTES):
            if line in self._deaf:
                self._deaf[line].set()
            else:
                await line.hand_on(line.to_client, piece)

    async def _passes(self, line: Line, fate: Fate, request: bytes) -> bool:
        """Whether it is handed on after this, be it late."""
        match fate:
            case Fate.LATE:
                line.wire.fall_silent()
                self.met.set()
                return True
            case Fate.UNHEARD:
                answered = self._deaf[line] = asyncio.Event()
                await line.hand_on(line.to_server, request)
                await answered.wait()
                del self._deaf[line]
        return False
