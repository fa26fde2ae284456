"""Records that no client should send, and headers that no record should carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.service.client import Header

UNREADABLE: Final[Mapping[str, bytes | None]] = {
    "garbage bytes": b"\xff\x00\xfe garbage",
    "nothing": b"",
    "a null value": None,
    "not an object": b"[1]",
    "NaN": b'{"type": "cancel_booking", "data": NaN}',
    "a key twice": b'{"type": "cancel_booking", "type": "cancel_booking"}',
    "a lone surrogate": b'{"type": "cancel_booking", "data": "\\ud800"}',
    "deep JSON": b"[" * 5_000 + b"]" * 5_000,
    "an unknown type": b'{"type": "eat", "command_id": "7d9f8a1e-0d5b-4bd5-9a43-6f8f2f3b9a10"}',
    "no id": b'{"type": "cancel_booking", "data": {}}',
    "too large": b'{"type": "' + b"x" * 400_000 + b'"}',
}

BAD_HEADERS: Final[Sequence[Sequence[Header]]] = (
    (("correlation_id", None),),
    (("correlation_id", b"\xff\xfe"),),
    (("correlation_id", b"one"), ("correlation_id", b"two")),
    (("correlation_id", b"x" * 50_000),),
    (("reply_partition", b"\xff"), ("traceparent", b"\xff"), ("tracestate", None)),
    (("reply_to", b"\x00"), ("content-type", None), ("x" * 300, b"y" * 3_000)),
)
"""With any of these the correlation id counts as absent, and the message's id stands in for it."""

FORGED: Final[Sequence[Header]] = (
    ("service-origin", b'{"topic":"booking.commands","partition":0,"offset":0,"timestamp":0}'),
    ("service-principal", b'{"role":"system"}'),
    ("service-signature", b"0" * 64),
)
