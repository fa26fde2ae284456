"""Instances of one partner, each at an address of its own on loopback, that do as they are told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ssl import SSLContext

NAME = "inventory.test"


class Instance:
    """Answers every request with `status` and no body, once `lets_go` is set (it is)."""

    def __init__(self, ip: str) -> None:
        self.ip = ip
        self.port = 0
        self.status = 200
        self.headers: tuple[str, ...] = ()
        self.calls: list[str] = []  # Idempotency-Keys
        self.hosts: set[str] = set()
        self.connections = 0
        self.called = asyncio.Event()
        self.lets_go = asyncio.Event()
        self.lets_go.set()
        self._left = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, tls: SSLContext | None = None) -> None:
        """Listen, at its former port when it has been there before."""
        self._server = await asyncio.start_server(self._serve, self.ip, port or self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody listens any more, and every connection is cut."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def is_left(self) -> None:
        """No connection to it is open any more."""
        async with self._left:
            await self._left.wait_for(lambda: not self._writers)

    @property
    def url(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._answer(reader, writer)
        async with self._left:
            self._writers.discard(writer)
            self._left.notify_all()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(_value("content-length", head) or 0))
        self.calls.append(_value("idempotency-key", head))
        self.hosts.add(_value("host", head))
        self.called.set()
        await self.lets_go.wait()
        lines = [f"HTTP/1.1 {self.status} Said", "content-length: 0", *self.headers, "\r\n"]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()


def _value(header: str, head: str) -> str:
    found = re.search(rf"^{header}: *(.*?)\r$", head, re.MULTILINE)
    return found[1] if found else ""


@asynccontextmanager
async def instances(*ips: str, tls: SSLContext | None = None) -> AsyncIterator[list[Instance]]:
    """One at each IP, all at one port, as those behind one name have to be."""
    async with AsyncExitStack() as stack:
        started: list[Instance] = []
        for ip in ips:
            instance = Instance(ip)
            stack.push_async_callback(instance.stop)
            await instance.start(started[0].port if started else 0, tls)
            started.append(instance)
        yield started


class Resolver:
    """Says what it is told about the one name there is; a look-up can be waited for."""

    def __init__(self, *ips: str) -> None:
        self.ips: tuple[str, ...] = ips
        self.asked = 0
        self.error: Exception | None = None
        self._changed = asyncio.Condition()

    async def __call__(self, host: str) -> tuple[str, ...]:
        async with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if self.error is not None:
            raise self.error
        return self.ips if host == NAME else ()

    async def is_asked(self) -> None:
        """Its first answer has been given."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.asked > 0)

    async def is_followed(self) -> None:
        """What it says now has been acted on: the look-up after the next one has begun."""
        async with self._changed:
            last = self.asked + 2
            await self._changed.wait_for(lambda: self.asked >= last)
