"""Answers that no honest service gives: a table of ways to spoil a good one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from app.demo.partners.service import Json

_AMOUNTS: Final = frozenset(
    {"base_price", "tax_amount", "discount_amount", "total_price", "estimated_price", "amount"}
)
_HUGE_BYTES: Final = 10 * 1024 * 1024


def spoiled(garbage: str, payload: Json) -> bytes:
    """The body to send in place of `payload`; KeyError for a kind of garbage that is not known."""
    return GARBAGE[garbage](payload)


def _amounts(payload: Json, value: object) -> bytes:
    return json.dumps(
        {name: value if name in _AMOUNTS else kept for name, kept in payload.items()}
    ).encode()


def _without_its_first_field(payload: Json) -> bytes:
    return json.dumps(dict(list(payload.items())[1:])).encode()


def _in_another_currency(payload: Json) -> bytes:
    other = "USD" if payload.get("currency") != "USD" else "EUR"
    return json.dumps({**payload, "currency": other}).encode()


GARBAGE: Final[Mapping[str, Callable[[Json], bytes]]] = {
    "wrong_json": lambda payload: json.dumps(payload).encode()[:-1],
    "not_an_object": lambda payload: b"[]",
    "not_utf8": lambda payload: b'{"reason": "\xff\xfe"}',
    "empty": lambda payload: b"",
    "too_deep": lambda payload: b'{"padding": ' + b"[" * 100_000,
    "missing_field": _without_its_first_field,
    "wrong_type": lambda payload: json.dumps({name: {} for name in payload}).encode(),
    "nan_price": lambda payload: _amounts(payload, float("nan")),
    "infinite_price": lambda payload: _amounts(payload, float("inf")),
    "negative_price": lambda payload: _amounts(payload, "-1.00"),
    "absurd_price": lambda payload: _amounts(payload, 1e300),
    "price_with_too_many_digits": lambda payload: _amounts(payload, "10.001"),
    "price_as_word": lambda payload: _amounts(payload, "cheap"),
    "other_currency": _in_another_currency,
    "unknown_currency": lambda payload: json.dumps({**payload, "currency": "ZZZ"}).encode(),
    "huge_body": lambda payload: json.dumps({**payload, "padding": "x" * _HUGE_BYTES}).encode(),
}
