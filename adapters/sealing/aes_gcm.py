"""AES-256-GCM under the service's keys: nobody else can read what is sealed, change it or move it.

A random nonce of 96 bits for each: 2^32 of them under one key are safe, some thousand million
commands; then it is time for a new key (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.ports import CannotOpen

VERSION: Final = 1
"""Of the envelope: 1 is sealed with a key of the service. Another version will say otherwise."""
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"booking-event-sealed"  # these keys may seal other things too: never alike


class AesGcmSealer:
    """Implements handlers.ports.Sealer: seals with the first key, opens with any."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("expected at least one key, got none")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))

    def seal(self, plaintext: bytes, bound_to: bytes) -> Mapping[str, object]:
        """The envelope, for JSON; it opens only together with the same `bound_to`."""
        nonce, name = os.urandom(_NONCE_BYTES), self._current
        sealed = self._ciphers[name].encrypt(nonce, plaintext, _associated(name, bound_to))
        return {"v": VERSION, "key": name, "data": b64encode(nonce + sealed).decode()}

    def open(self, envelope: Mapping[str, Any], bound_to: bytes) -> bytes:
        """What was sealed. Raises CannotOpen."""
        version, name, text = (envelope.get(part) for part in ("v", "key", "data"))
        if version != VERSION:
            raise CannotOpen(f"expected a sealed envelope of version {VERSION}, got {version!r}")
        if name not in self._ciphers:
            raise CannotOpen(f"sealed with the key {name!r}, which is not among BOOKING_SEAL__KEYS")
        try:
            data = b64decode(str(text), validate=True)
            return self._ciphers[name].decrypt(
                data[:_NONCE_BYTES], data[_NONCE_BYTES:], _associated(name, bound_to)
            )
        except (InvalidTag, Base64Error, ValueError) as error:
            raise CannotOpen(
                f"the key {name!r} does not open it: another key under that name, or it was changed"
            ) from error


def _associated(name: str, bound_to: bytes) -> bytes:
    """Everything that must not be exchanged; none of the parts but the last can hold a zero."""
    return b"\0".join((_PURPOSE, str(VERSION).encode(), name.encode(), bound_to))
