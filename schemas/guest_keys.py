"""A guest's key as it lies in its topic: wrapped, for a rebuild of this service alone."""

from __future__ import annotations

from typing import Final, Protocol
from uuid import UUID

import msgspec
import orjson


class Wrapped(Protocol):
    """A key that can be written down."""

    @property
    def id(self) -> UUID: ...

    @property
    def guest_id(self) -> UUID: ...

    @property
    def wrapped(self) -> str: ...


def dump_key(key: Wrapped) -> bytes:
    """The record's value; its key is the data key's id."""
    return orjson.dumps({"key_id": key.id, "guest_id": key.guest_id, "wrapped": key.wrapped})


def load_key(value: bytes) -> tuple[UUID, UUID, str]:
    """Key id, guest id, the wrapped key. Raises ValueError."""
    try:
        body = _KEY.decode(value)
        wrapped_by(body.wrapped)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a guest's key: {type(error).__name__}") from None
    return body.key_id, body.guest_id, body.wrapped


def wrapped_by(wrapped: str) -> str:
    """The name of the settings' key that did it. Raises ValueError when it is nothing wrapped."""
    _, _, rest = wrapped.partition(".")
    name, _, sealed = rest.rpartition(".")  # a name may hold dots
    if not (name and sealed and wrapped.isprintable()):
        raise ValueError("expected a version, a key's name and what it sealed")
    return name


class _Written(msgspec.Struct):
    key_id: UUID
    guest_id: UUID
    wrapped: str


_KEY: Final = msgspec.json.Decoder(_Written)
