"""A record while it is being made: a valid message until somebody writes over its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from handlers.ports import Record

MOST_BYTES: Final = 12 * 1024 * 1024
MOST_COUNTED: Final = 100_000

Header = tuple[str, bytes | None]
Headers = list[Header]
Sign = Callable[[Record], tuple[Header, ...]]


@dataclass(frozen=True, slots=True)
class Client:
    """Whose valid messages are spoilt: by type, a token and its issuer's secret, our signature."""

    topic: str
    messages: Mapping[str, Mapping[str, Any]]  # by type; the first is the usual one
    authorization: bytes
    secret: str
    sign: Sign
    timestamp_ms: int


@dataclass(slots=True)
class Draft:
    """The record while it is being made."""

    client: Client
    most_bytes: int
    message: dict[str, list[bytes]] = field(default_factory=dict)
    fields: dict[str, list[bytes]] | None = field(default_factory=dict)
    value: bytearray | None = field(default_factory=bytearray)
    is_raw: bool = False
    headers: Headers = field(default_factory=list)
    key: bytes | None = b"key"
    partition: int = 0
    spent: int = 0

    def take(self, name: str) -> None:
        message = self.client.messages[name]
        self.is_raw = False
        self.message = {each: [_json(told)] for each, told in message.items() if each != "data"}
        self.fields = {each: [_json(told)] for each, told in message["data"].items()}

    def raw(self) -> bytearray:
        """The value as bytes, from now on no message any more."""
        if not self.is_raw or self.value is None:
            written = b"" if self.value is None else self.written()
            self.value, self.is_raw = bytearray(written), True
        return self.value

    def written(self) -> bytes:
        if self.is_raw:
            return bytes(self.value or b"")
        message = dict(self.message)
        if self.fields is not None:
            message["data"] = [_object(self.fields)]
        return _object(message)

    def record(self) -> Record:
        value = None if self.value is None else self.written()
        return Record(
            self.client.topic,
            self.partition,
            0,
            self.client.timestamp_ms,
            self.key,
            value,
            tuple(self.headers),
        )

    def room(self, count: int, each: int) -> int:
        """How many of the `count` still fit."""
        granted = max(0, min(count, (self.most_bytes - self.spent) // max(each, 1)))
        self.spent += granted * each
        return granted


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _object(members: Mapping[str, list[bytes]]) -> bytes:
    pairs = [
        b'"%s":%s' % (name.encode("latin-1"), value)
        for name, values in members.items()
        for value in values
    ]
    return b"{%s}" % b",".join(pairs)
