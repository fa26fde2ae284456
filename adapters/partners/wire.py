"""Reading answers strictly: typed structs, exact money, text that a database can hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec

from adapters.partners.exchange import GarbledError
from domain.money import Money

S = TypeVar("S")

Id: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[ -~\x80-\U0010ffff]{1,255}\Z")]
"""A partner's own id, kept and sent back as it came; a NUL would break PostgreSQL's text. Without
control characters, by what is allowed: to look for what is not takes twice as long.
"""

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Amount: TypeAlias = msgspec.Raw
"""A JSON number or string, kept as text until `money` reads it: never a float."""

# What Decimal would also take ("1_0", " 1", "NaN") is no price. Some JSON libraries write 1E+2.
_AMOUNT: Final = re.compile(rb'("?)(\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?)\1')
_ABSURD: Final = Decimal(10) ** 12


def reader(struct: type[S]) -> Callable[[bytes], S]:
    """A function from an answer's body to `struct`; it raises GarbledError."""
    decoder = msgspec.json.Decoder(struct)

    def read(body: bytes) -> S:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise GarbledError(str(wrong)) from wrong
        except RecursionError as deep:
            raise GarbledError("nested too deeply") from deep

    return read


def money(amount: Amount, currency: str) -> Money:
    """An amount of zero or more, exact in the currency's digits; raises GarbledError."""
    return _money(bytes(amount), currency)


@lru_cache(1_024)  # a quote has four, and few venues have a thousand prices
def _money(text: bytes, currency: str) -> Money:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise GarbledError(f"expected an amount of zero or more, got {text[:40]!r}")
    value = Decimal(match[2].decode())
    if value >= _ABSURD:
        raise GarbledError(f"expected an amount below {_ABSURD}, got {text[:40]!r}")
    try:
        return Money(value, currency)
    except ValueError as wrong:
        raise GarbledError(str(wrong)) from wrong


def in_utc(at: datetime | None) -> datetime | None:
    """The same instant in UTC; raises GarbledError when the calendar cannot hold it."""
    try:
        return at and at.astimezone(UTC)
    except OverflowError as wrong:
        raise GarbledError(f"expected a time within the calendar, got {at}") from wrong


def reason_of(body: bytes) -> str | None:
    """Why a partner refused, for people: `reason`, `detail` or `error`, when one is readable.

    A refusal stands by its status alone, so that nothing in its body is garbage.
    """
    try:
        told = _refusal(body)
    except GarbledError:
        return None
    return next((printable(text) for text in (told.reason, told.detail, told.error) if text), None)


def printable(text: str | None) -> str | None:
    """Free text made harmless: no control characters, 200 characters at most."""
    return text and "".join(character for character in text[:200] if character.isprintable())


class _Refusal(msgspec.Struct):
    reason: str | None = None
    detail: str | None = None
    error: str | None = None


_refusal: Final = reader(_Refusal)
