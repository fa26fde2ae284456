"""An issuer's web server on the loopback: answers with what it is told to, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class KeyServer:
    """`body` is what it lists; `status`, `headers` and `pause_seconds` for bad days."""

    body: bytes
    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0.0
    requests: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            head = [f"HTTP/1.1 {self.status} Whatever", "connection: close"]
            head += [f"{name}: {value}" for name, value in self.headers.items()]
            writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(self.pause_seconds)
            writer.write(self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()


@asynccontextmanager
async def a_key_server(body: bytes, port: int = 0) -> AsyncIterator[KeyServer]:
    """Runs while the block runs; `port` 0: any that is free."""
    server = KeyServer(body)
    listening = await asyncio.start_server(server.answer, "127.0.0.1", port)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/keys.json"
    try:
        yield server
    finally:
        listening.close()
