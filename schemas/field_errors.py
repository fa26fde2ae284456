"""Validation errors as the client reads them: every wrong field at once, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from domain.refusal import Code, FieldError, Refusal

MAX_ERRORS: Final = 50
"""A record of 256 KiB can hold thousands of unknown fields; its reply must still fit a topic."""
_MAX_NAME: Final = 100
_COUNTED: Final = FieldError("", "is wrong too")


def invalid(errors: Iterable[FieldError]) -> Refusal:
    """The refusal `validation_failed` for these fields."""
    found = tuple(errors)
    shown = found[:MAX_ERRORS]
    names = ", ".join(error.field for error in shown[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return Refusal(Code.VALIDATION_FAILED, f"Wrong: {names}{more}.", errors=shown)


def unknown_field(name: str) -> FieldError:
    """For a field outside of `data`."""
    return FieldError(_shown(name), "is not a known field")


def field_errors(error: ValidationError, prefix: str) -> list[FieldError]:
    """One entry for each wrong field, under its path as the client wrote it; those that are too
    many to be shown are there to be counted.
    """
    every = error.errors(include_url=False, include_input=False)
    return [
        FieldError(".".join([prefix, *map(_shown, found["loc"])]), _message(found))
        for found in every[:MAX_ERRORS]
    ] + [_COUNTED] * (len(every) - MAX_ERRORS)


def _shown(name: object) -> str:
    """A name from a stranger, made fit for a reply: printable and not too long."""
    whole = str(name)
    text = whole[:_MAX_NAME]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(whole) <= _MAX_NAME else text + "…"


def _message(found: Mapping[str, Any]) -> str:
    kind = found["type"]
    if kind in _OWN:
        return str(found["msg"])
    words = _WORDS.get(kind)
    return words(found.get("ctx", {})) if words else "is not valid"


_OWN: Final = frozenset({"uuid", "instant", "text", "time_zone", "metadata", "cursor"})
"""Checks of schemas.fields and schemas.queries: their messages are words already."""
_WORDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is not a known field",
    "model_type": lambda _: "must be an object",
    "string_type": lambda _: "must be text",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda given: f"must be at most {given['max_length']} characters long",
    "string_pattern_mismatch": lambda _: "must not contain control characters",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "greater_than_equal": lambda given: f"must be at least {given['ge']}",
    "less_than_equal": lambda given: f"must be at most {given['le']}",
    "enum": lambda given: f"must be one of {given['expected']}",
    "literal_error": lambda given: f"must be {given['expected']}",
}
