"""HTTP/1.1 with keep-alive for a desk, at little CPU: one protocol object a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, cast

import httptools
import orjson

from app.demo.partners.desk import Desk, Request
from app.demo.partners.faults import Fault, Kind
from app.demo.partners.garbage import spoiled
from app.demo.partners.service import Answer, Call, Json


class Connection(asyncio.Protocol):
    """Reads requests one after another and answers each; does not expect pipelining."""

    def __init__(self, desk: Desk, connections: set[Connection]) -> None:
        self._desk = desk
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._late: set[asyncio.Task[None]] = set()
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has its own class
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def abort(self) -> None:
        """Cut the connection, answered or not."""
        if self._transport is not None:
            self._transport.abort()

    # What httptools calls while it reads.

    def on_message_begin(self) -> None:
        self._path = ""
        self._key: str | None = None
        self._traceparent: str | None = None
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"idempotency-key":
                self._key = value.decode("latin-1")
            case b"traceparent":
                self._traceparent = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        body = b"".join(self._body)
        request = Request(method, self._path, self._key, self._traceparent, body)
        if self._path.startswith("/_"):
            return self._refuse(self._desk.admin(request))
        found = self._desk.find(request)
        if isinstance(found, Answer):
            return self._refuse(found)
        if self._desk.faults and (fault := self._desk.faults.take(found[0].name, found[2])):
            # A task of the server's, not of the connection's: the effect lands even when the
            # client has hung up meanwhile, as with a real service.
            task = asyncio.get_running_loop().create_task(self._go_wrong(fault, request, *found))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return None
        return self._send(*self._desk.answer(request, *found))

    def _refuse(self, answer: Answer) -> None:
        self._send(answer.status, orjson.dumps(answer.payload))

    async def _go_wrong(
        self, fault: Fault, request: Request, call: Call, id_in_path: str, body: Json
    ) -> None:
        if fault.kind in (Kind.ERROR, Kind.CUT_BEFORE_EFFECT):
            await asyncio.sleep(fault.seconds)
            status = fault.status if fault.kind is Kind.ERROR else 0
            self._desk.note(request, call, False, status, b"", fault.kind)
            return self._send(status, b"{}", fault.headers) if status else self.abort()
        if fault.kind is Kind.LATENCY:
            await asyncio.sleep(fault.seconds)
        status, answered = self._desk.answer(request, call, id_in_path, body, fault.kind)
        match fault.kind:
            case Kind.CUT_AFTER_EFFECT:
                self.abort()
            case Kind.ERROR_AFTER_EFFECT:
                self._send(fault.status, b"{}", fault.headers)
            case Kind.SLOW_DRIP:
                await self._drip(_head(status, len(answered), {}), answered, fault.seconds)
            case Kind.GARBAGE:
                self._send(status, spoiled(fault.garbage, orjson.loads(answered)))
            case _:
                self._send(status, answered)
        return None

    async def _drip(self, head: bytes, body: bytes, seconds: float) -> None:
        if self._transport is not None:
            self._transport.write(head)
        for place in range(len(body)):
            await asyncio.sleep(seconds)
            if self._transport is None:
                return
            self._transport.write(body[place : place + 1])

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        if self._transport is None:
            return
        if status == 200 and not headers:
            self._transport.write(b"%b%d\r\n\r\n%b" % (_OK, len(body), body))
        else:
            self._transport.write(_head(status, len(body), headers or {}) + body)
        if not self._parser.should_keep_alive():
            self._transport.close()


_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "


def _head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")
