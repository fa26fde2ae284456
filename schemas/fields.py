"""The kinds of fields that messages are made of, each with its check and its words for a human.

JSON has no ids, instants or enums, so models are strict and these alone turn text into them.
Messages never repeat what was sent: it may be personal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from domain.booking import Source, VenueType
from domain.lifecycle import Status
from domain.time_slot import MAX_MINUTES

MAX_METADATA_BYTES: Final = 4096
MAX_INTEGER: Final = 2**53 - 1
"""Beyond it JSON readers disagree about a number's value, and so do databases."""
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998
"""A year's room on both sides, so that offsets and lengths never leave the calendar."""

_UUID_PATTERN: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class Data(BaseModel):
    """The `data` of a command or query: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def is_uuid(value: object) -> bool:
    """Whether it is a UUID as text: hyphens where they belong, any version, either case."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def uuid_of(value: object) -> UUID | None:
    """The UUID that it is as text; None for everything else."""
    return msgspec.convert(value, UUID) if is_uuid(value) else None


def instant(value: object) -> datetime:
    """An RFC 3339 instant with its offset kept; digits beyond microseconds are cut off."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise PydanticCustomError(
            "instant", "must be an RFC 3339 time with an offset, like 2030-05-17T19:00:00+02:00"
        )
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("instant", "is not a time that exists") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise PydanticCustomError(
            "instant",
            "must lie in the years {first} to {last}",
            {"first": FIRST_YEAR, "last": LAST_YEAR},
        )
    return at


def text(low: int, high: int, *, pattern: str | None = None, message: str | None = None) -> Any:
    """Text of so many characters, without control characters unless `pattern` says otherwise."""
    schema: CoreSchema = core_schema.str_schema(
        strict=True, min_length=low, max_length=high, pattern=pattern or _ONE_LINE
    )
    if message:
        schema = core_schema.custom_error_schema(schema, "text", custom_error_message=message)
    return GetPydanticSchema(lambda _source, _handler: schema)


def _uuid_schema(_source: Any, _handler: Any) -> CoreSchema:
    return core_schema.custom_error_schema(
        core_schema.chain_schema(
            [
                core_schema.str_schema(strict=True, pattern=_UUID_PATTERN),
                core_schema.uuid_schema(strict=False),
            ]
        ),
        "uuid",
        custom_error_message="must be a UUID, like 0b38a2f6-1a3b-4f5e-9d83-0c7f5b9f3c11",
    )


def _time_zone(value: object) -> str:
    if not isinstance(value, str) or value not in _known_zones():
        raise PydanticCustomError("time_zone", "must be an IANA time zone, like Europe/Paris")
    return value


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _metadata(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PydanticCustomError("metadata", "must be an object")
    if len(orjson.dumps(value)) > MAX_METADATA_BYTES:
        raise PydanticCustomError(
            "metadata", "must be at most {limit} bytes of JSON", {"limit": MAX_METADATA_BYTES}
        )
    if not _is_portable(value):
        raise PydanticCustomError(
            "metadata",
            "must hold no NUL character and no number beyond ±{limit}; send such numbers as text",
            {"limit": MAX_INTEGER},
        )
    return value


def _is_portable(value: object) -> bool:
    """Whether every JSON reader and database gives it back as it is."""
    match value:
        case str():
            return "\0" not in value
        case int() | float():
            return -MAX_INTEGER <= value <= MAX_INTEGER
        case dict():
            return all("\0" not in key and _is_portable(inner) for key, inner in value.items())
        case list():
            return all(map(_is_portable, value))
        case _:
            return True


_UUID: Final = re.compile(_UUID_PATTERN.strip("^$"))
_ONE_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"  # tab, newline, return allowed

Id = Annotated[
    UUID, GetPydanticSchema(_uuid_schema), WithJsonSchema({"type": "string", "format": "uuid"})
]
Instant = Annotated[
    datetime, PlainValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Name = Annotated[str, text(1, 200)]
Phone = Annotated[str, text(1, 50)]
Item = Annotated[str, text(1, 100)]
Token = Annotated[str, text(1, 255)]
"""Somebody else's id, as opaque text."""
Notes = Annotated[str, text(0, 2000, pattern=_LINES)]
Reason = Annotated[str, text(0, 500, pattern=_LINES)]
Email = Annotated[
    str,
    text(
        3,
        320,
        pattern=r"^[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+$",
        message="must be an e-mail address of at most 320 characters",
    ),
]
Amount = Annotated[
    str,
    text(
        1,
        16,
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?$",
        message="must be an amount as decimal text, like 25.00",
    ),
]
TimeZone = Annotated[
    str,
    PlainValidator(_time_zone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Paris"]}),
]
Metadata = Annotated[
    Mapping[str, object],
    PlainValidator(_metadata),
    WithJsonSchema({"type": "object", "description": "At most 4 KiB as JSON; it is published."}),
]
PartySize = Annotated[int, Field(ge=1, le=100)]
Minutes = Annotated[int, Field(ge=1, le=MAX_MINUTES)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Attempt = Annotated[int, Field(ge=0, le=2**31 - 1)]
VenueWord = Annotated[VenueType, Field(strict=False)]
SourceWord = Annotated[Source, Field(strict=False)]
StatusWord = Annotated[Status, Field(strict=False)]
