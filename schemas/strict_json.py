"""Strict JSON, one reading for everybody: what two parsers could understand differently is refused.

Refused are NaN and infinities, numbers that no double can hold, duplicate keys, invalid UTF-8, a
byte order mark, lone surrogates (escaped ones too), more than 32 levels and more than 256 KiB.
Numbers are what RFC 7493 (I-JSON) promises: integers are exact within 64 bits, anything else is the
nearest double, so `1` and `1.0` differ and `1e2` and `100.0` do not.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32


class Unreadable(Exception):  # also passed on as a value: the record is unreadable
    """The bytes are not strict JSON; the detail never repeats what stood in them."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def parse(raw: bytes) -> Any:
    """The JSON value that `raw` is. Raises Unreadable."""
    if len(raw) > MAX_BYTES:
        raise Unreadable(f"more than {MAX_BYTES} bytes")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from None
    # Each level opens one bracket, so few brackets are proof enough.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise Unreadable(f"nested more than {MAX_DEPTH} levels deep")
    if _repeats_a_key(raw, value):
        raise Unreadable("a key stands twice in one object")
    return value


def json_bytes(value: object) -> bytes:
    """Compact JSON; UUIDs, dates, enums as text, instants in UTC with a Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def utc(at: datetime) -> datetime:
    """The same instant in UTC, as every instant leaves the service."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def canonical_hash(type_: str, key: object, data: object) -> str:
    """Content of a command: SHA-256, as hex, of type, key and data as sent.

    Canonical means: keys sorted, no white space, numbers as `parse` gives them. A key that is null
    and one that is absent are the same.
    """
    return _hash([type_, key, data])


def request_hash(type_: str, data: object) -> str:
    """What an idempotency key stands for: the same without the key."""
    return _hash([type_, data])


def _hash(parts: list[object]) -> str:
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_deeper(value: object, levels: int) -> bool:
    """Level by level, so that a record that is all brackets costs as little as any other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _repeats_a_key(raw: bytes, value: object) -> bool:
    """Whether a pair of `raw` got lost in `value`.

    Every pair has one colon outside of strings, and writing the value again keeps each string's own
    colons: a smaller count means a lost pair. Only an escaped colon hides from the count.
    """
    if b"\\u003" in raw:
        return _repeats_a_key_exactly(raw)
    return raw.count(b":") != orjson.dumps(value).count(b":")


def _repeats_a_key_exactly(raw: bytes) -> bool:
    repeats = False

    def note(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeats
        repeats = repeats or len({key for key, _ in pairs}) != len(pairs)

    json.loads(raw, object_pairs_hook=note, parse_int=float)
    return repeats
