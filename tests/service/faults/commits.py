"""COMMITs whose outcome the worker cannot know: its connection breaks between question and answer.

Reads just enough of PostgreSQL's frontend protocol (version 3, in the clear) to know which
statements a transaction has run, and when its COMMIT comes by.
"""

from __future__ import annotations

import asyncio
import struct
from asyncio import StreamReader
from dataclasses import dataclass, field
from typing import Final

from tests.service.faults.proxy import MOST_BYTES, Fate, Line

_ENCRYPTION_REQUESTS: Final = frozenset({80877103, 80877104})  # TLS and GSSAPI
_REFUSED: Final = b"N"


@dataclass(eq=False, slots=True)
class CommitFault:
    """An order for the next COMMIT of a transaction that ran a statement with this text in it."""

    fate: Fate
    of: str
    unless: str = "\0"  # nor one with this text
    met: asyncio.Event = field(default_factory=asyncio.Event)
    may_arrive: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, statements: list[str]) -> bool:
        """Whether a transaction of these statements is meant."""
        return any(self.of in each for each in statements) and not any(
            self.unless in each for each in statements
        )


@dataclass(slots=True)
class Commits:
    """The COMMITs that pass through a proxy to PostgreSQL."""

    orders: list[CommitFault] = field(default_factory=list)
    _deaf: dict[Line, asyncio.Event] = field(default_factory=dict)

    def order(self, fate: Fate, of: str, unless: str = "\0") -> CommitFault:
        """Let this happen once."""
        fault = CommitFault(fate, of, unless)
        self.orders.append(fault)
        return fault

    async def up(self, line: Line) -> None:
        """What the client says, message by message, until a COMMIT meets its fate."""
        await _greet(line)
        prepared: dict[bytes, str] = {}
        running: list[str] = []
        while True:
            kind, body = await _message(line.from_client)
            match kind:
                case b"P":
                    name, sql, *_ = body.split(b"\0")
                    prepared[name] = sql.decode()
                case b"B":
                    _portal, name, *_ = body.split(b"\0", 2)
                    running.append(prepared[name])
                case b"Q" if body.upper().startswith(b"COMMIT"):
                    fault = self._taken(running)
                    if fault is not None:
                        await self._break(line, fault, _as_sent(kind, body))
                        return
                    running = []
                case b"Q" if body.upper().startswith((b"BEGIN", b"ROLLBACK")):
                    running = []
                case b"Q":
                    running.append(body.rstrip(b"\0").decode())
            await line.hand_on(line.to_server, _as_sent(kind, body))

    async def down(self, line: Line) -> None:
        """What the server says, unless nobody is to hear it any more."""
        while piece := await line.from_server.read(MOST_BYTES):
            if line in self._deaf:
                self._deaf[line].set()
            else:
                await line.hand_on(line.to_client, piece)

    def _taken(self, statements: list[str]) -> CommitFault | None:
        for fault in self.orders:
            if fault.matches(statements):
                self.orders.remove(fault)
                return fault
        return None

    async def _break(self, line: Line, fault: CommitFault, commit: bytes) -> None:
        """From here on the client hears nothing; the line is cut when we return."""
        answered = self._deaf[line] = asyncio.Event()
        try:
            match fault.fate:
                case Fate.LOST:
                    fault.met.set()
                    return
                case Fate.LATE:
                    line.to_client.transport.abort()
                    fault.met.set()
                    await fault.may_arrive.wait()
            line.to_server.write(commit)
            await answered.wait()
            fault.met.set()
        finally:
            del self._deaf[line]
            fault.done.set()


async def _greet(line: Line) -> None:
    """The first messages have no type; those that ask for encryption come before the others."""
    while True:
        head = await line.from_client.readexactly(8)
        size, code = struct.unpack(">ii", head)
        rest = await line.from_client.readexactly(size - 8)
        if code not in _ENCRYPTION_REQUESTS:
            await line.hand_on(line.to_server, head + rest)
            return
        await line.hand_on(line.to_client, _REFUSED)  # we could not read along


async def _message(source: StreamReader) -> tuple[bytes, bytes]:
    kind, size = struct.unpack(">ci", await source.readexactly(5))
    return kind, await source.readexactly(size - 4)


def _as_sent(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">ci", kind, len(body) + 4) + body
