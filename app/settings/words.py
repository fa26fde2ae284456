"""How values are written in variables: durations, lists, refund policies, sealing keys."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from domain.rules import RefundStep

_REFUND_STEP: Final = re.compile(r"(\d+(?:\.\d+)?)([mhd]):(\d+(?:\.\d+)?)", re.ASCII)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SEAL_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_SEAL_BYTES: Final = 32
_YEARS_10_MINUTES: Final = 10 * 366 * 24 * 60

Duration = Annotated[float, Field(ge=0, le=_YEARS_10_MINUTES, allow_inf_nan=False)]
"""Decimals allowed; ten years are the most in minutes, which keeps every other unit finite too."""
PositiveDuration = Annotated[float, Field(gt=0, le=_YEARS_10_MINUTES, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key that personal data in events is sealed with; its id stands beside what it sealed."""

    id: str
    key: bytes = field(repr=False)


def comma_separated(text: object) -> object:
    """A tuple of the parts, without spaces around them; empty parts are dropped."""
    if not isinstance(text, str):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(comma_separated)]


def refund_policy(text: str) -> tuple[RefundStep, ...]:
    """From "48h:100,24h:50": the longest notice first. Raises ValueError."""
    steps: dict[timedelta, RefundStep] = {}
    for part in text.split(","):
        match = _REFUND_STEP.fullmatch(part.strip())
        if match is None:
            raise ValueError("expected <notice>:<percent>")
        amount, unit, percent = match.groups()
        notice = _timedelta(float(amount), _UNITS[unit])
        if notice in steps or not 0 <= Decimal(percent) <= 100:
            raise ValueError("expected each notice once and 0 to 100 percent")
        steps[notice] = RefundStep(notice, Decimal(percent))
    return tuple(steps[notice] for notice in sorted(steps, reverse=True))


def _timedelta(amount: float, unit: str) -> timedelta:
    try:
        return timedelta(**{unit: amount})
    except OverflowError as error:
        raise ValueError("expected a shorter notice") from error


def secrets(text: str, shortest_bytes: int) -> tuple[str, ...]:
    """From "one,another", each at least so long. Raises ValueError."""
    found = tuple(part.strip() for part in text.split(","))
    if any(len(part.encode()) < shortest_bytes for part in found):
        raise ValueError(f"expected secrets of {shortest_bytes} bytes or more")
    return found


def seal_keys(text: str) -> tuple[SealKey, ...]:
    """From "id:base64,id:base64"; the first one is current. Raises ValueError."""
    keys: dict[str, SealKey] = {}
    for part in text.split(","):
        name, separator, encoded = part.strip().partition(":")
        if not separator or not _SEAL_ID.fullmatch(name) or name in keys:
            raise ValueError("expected <id>:<base64>, each id once")
        try:
            key = b64decode(encoded, validate=True)
        except Base64Error:
            raise ValueError("expected base64") from None
        if len(key) != _SEAL_BYTES:
            raise ValueError(f"expected {_SEAL_BYTES} bytes")
        keys[name] = SealKey(name, key)
    return tuple(keys.values())
