"""Outputs as stored text, so that they can be published again byte for byte."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

import orjson

from handlers.ports import Output


def dump_outputs(outputs: Sequence[Output]) -> str:
    """As a JSON list. Bytes are text where they are UTF-8, as all are that we made ourselves; those
    of a dead letter may be anything, and then stand there as a list with their base64.
    """
    try:
        listed = [_listed(output, bytes.decode, str) for output in outputs]
        return orjson.dumps(listed).decode()
    except (UnicodeDecodeError, orjson.JSONEncodeError):
        listed = [_listed(output, _text, _name) for output in outputs]
        return orjson.dumps(listed).decode()


def _listed(
    output: Output, text: Callable[[bytes], object], name: Callable[[str], str]
) -> list[object]:
    key, value = output.key, output.value
    return [
        output.topic,
        None if key is None else text(key),
        None if output.is_tombstone else text(value),
        [[name(header), text(value)] for header, value in output.headers],
    ]


def load_outputs(text: str) -> list[Output]:
    """What was dumped, byte for byte."""
    return [
        Output(
            topic,
            None if key is None else _bytes(key),
            b"" if value is None else _bytes(value),
            tuple((name, _bytes(header)) for name, header in headers),
            is_tombstone=value is None,
        )
        for topic, key, value, headers in orjson.loads(text)
    ]


def _text(value: bytes) -> str | list[str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return [b64encode(value).decode()]


def _bytes(stored: str | list[str]) -> bytes:
    return stored.encode() if isinstance(stored, str) else b64decode(stored[0])


def _name(name: str) -> str:
    """Where it came as bytes that are no text: escaped, as adapters/kafka/sending publishes it."""
    return name.encode("utf-8", "backslashreplace").decode()
