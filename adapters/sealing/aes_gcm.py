"""AES-256-GCM: data keys seal what is personal, the settings' keys wrap the data keys.

What was sealed for one place does not open in another, and not after it was changed. Each time a
random nonce of 96 bits: 2^32 uses of one key are safe (NIST SP 800-38D, 8.3). A guest's key never
comes near that; of the settings' keys it is a use or two a command, so that after two thousand
million commands it is time for a new one.
"""

from __future__ import annotations

import os
import time
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.named_ids import timed_id
from handlers.ports import CannotOpen, WrappedKey
from schemas.ids import id_text

VERSION: Final = "1"
"""Of both envelopes: `1.<data key's id>.<base64>` and `1.<settings' key>.<base64>`."""
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 10
# None of these opens another's: the associated data begins with what it is for.
_BY_GUEST, _BY_SERVICE, _WRAPPED = (
    b"%b\0%b\0" % (purpose, VERSION.encode())
    for purpose in (b"booking-guest", b"booking-service", b"booking-data-key")
)


class AesGcmDataKey:
    """Implements handlers.ports.DataKey."""

    __slots__ = ("_key", "guest_id", "id", "wrapped")

    def __init__(self, key_id: UUID, guest_id: UUID, secret: bytes, wrapped: str) -> None:
        self.id = key_id
        self.guest_id = guest_id
        self.wrapped = wrapped
        self._key = _Key(_BY_GUEST, id_text(key_id), AESGCM(secret))

    def __repr__(self) -> str:
        return f"AesGcmDataKey({self.id})"

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        return self._key.seal(plaintext, bound_to)

    def open(self, sealed: str, bound_to: str) -> bytes:
        version, name, data = _parts(sealed)
        if version != VERSION or name != self._key.name:
            raise CannotOpen(f"sealed with data key {name!r}, version {version!r}")
        return self._key.open(data, bound_to, "data key")


class AesGcmServiceKeys:
    """Implements handlers.ports.ServiceKeys: the first of `keys` seals, any of them opens."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("expected at least one key, got none")
        ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._sealing = {name: _Key(_BY_SERVICE, name, each) for name, each in ciphers.items()}
        self._wrapping = {name: _Key(_WRAPPED, name, each) for name, each in ciphers.items()}
        self._current = next(iter(keys))
        self._seals = self._sealing[self._current]

    @property
    def current(self) -> str:
        return self._current

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        return self._seals.seal(plaintext, bound_to)

    def sealed_by(self, name: str, plaintext: bytes, bound_to: str) -> str:
        return _named(self._sealing, name).seal(plaintext, bound_to)

    def open(self, sealed: str, bound_to: str) -> bytes:
        return _opened(self._sealing, sealed, bound_to)

    def create(self, guest_id: UUID) -> AesGcmDataKey:
        random = os.urandom(_KEY_BYTES + _ID_BYTES)
        key_id, secret = timed_id(time.time_ns(), random[_KEY_BYTES:]), random[:_KEY_BYTES]
        return AesGcmDataKey(key_id, guest_id, secret, self._wrap(key_id, guest_id, secret))

    def unwrapped(self, key_id: UUID, guest_id: UUID, wrapped: str) -> AesGcmDataKey:
        return AesGcmDataKey(key_id, guest_id, self._unwrap(key_id, guest_id, wrapped), wrapped)

    def wrapped_again(self, key: WrappedKey) -> str | None:
        if _parts(key.wrapped)[1] == self._current:
            return None
        secret = self._unwrap(key.id, key.guest_id, key.wrapped)
        return self._wrap(key.id, key.guest_id, secret)

    def _wrap(self, key_id: UUID, guest_id: UUID, secret: bytes) -> str:
        return self._wrapping[self._current].seal(secret, _place(key_id, guest_id))

    def _unwrap(self, key_id: UUID, guest_id: UUID, wrapped: str) -> bytes:
        return _opened(self._wrapping, wrapped, _place(key_id, guest_id))


def _place(key_id: UUID, guest_id: UUID) -> str:
    """What a wrapped key is bound to."""
    return f"{id_text(key_id)}/{id_text(guest_id)}"


class _Key:
    """A key for one purpose; what all its envelopes have in common is made once."""

    __slots__ = ("_associated", "_cipher", "_head", "name")

    def __init__(self, purpose: bytes, name: str, cipher: AESGCM) -> None:
        self.name = name
        self._cipher = cipher
        self._head = f"{VERSION}.{name}."
        # All that must not be exchanged; none of the parts but what follows can hold a zero.
        self._associated = purpose + name.encode() + b"\0"

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        data = self._cipher.encrypt(nonce, plaintext, self._associated + bound_to.encode())
        return self._head + b2a_base64(nonce + data, newline=False).decode()

    def open(self, text: str, bound_to: str, what: str) -> bytes:
        """From an envelope's last part; `what` names this kind of key to people."""
        try:
            data = msgspec.convert(text, bytes)  # base64, in a third of the time of binascii's
            associated = self._associated + bound_to.encode()
            return self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], associated)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(
                f"the {what} {self.name!r} does not open it: another key under that name, or it was"
                " changed or lies elsewhere"
            ) from error


def _opened(keys: Mapping[str, _Key], envelope: str, bound_to: str) -> bytes:
    version, name, data = _parts(envelope)
    if version != VERSION:
        raise CannotOpen(f"expected an envelope of version {VERSION}, got {version!r}")
    return _named(keys, name).open(data, bound_to, "key")


def _named(keys: Mapping[str, _Key], name: str) -> _Key:
    if name not in keys:
        raise CannotOpen(f"sealed by the key {name!r}, which is not among BOOKING_SEAL__KEYS")
    return keys[name]


def _parts(envelope: str) -> tuple[str, str, str]:
    """Version, name of the key, base64. Raises CannotOpen."""
    version, _, rest = envelope.partition(".")
    name, _, data = rest.rpartition(".")  # a name in the settings may hold dots
    if not data:
        raise CannotOpen("expected a sealed envelope, got something else")
    return version, name, data
