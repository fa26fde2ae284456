"""A sealer without chance, so that two runs of one story can be compared byte for byte."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from handlers.ports import CannotOpen


class FakeSealer:
    """Implements Sealer: nothing is readable at a glance, and nothing is secret."""

    def seal(self, plaintext: bytes, bound_to: bytes) -> Mapping[str, object]:
        return {"v": 1, "key": bound_to.decode(), "data": b64encode(plaintext).decode()}

    def open(self, envelope: Mapping[str, Any], bound_to: bytes) -> bytes:
        if envelope["key"] != bound_to.decode():
            raise CannotOpen(f"sealed for {envelope['key']}")
        return b64decode(envelope["data"])
