"""Keys without chance, so that two runs of one story can be compared byte for byte."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from uuid import UUID, uuid5

from handlers.ports import CannotOpen, WrappedKey


def _seal(name: str, plaintext: bytes, bound_to: str) -> str:
    return f"1.{name}.{b64encode(bound_to.encode() + b'|' + plaintext).decode()}"


def _open(name: str, sealed: str, bound_to: str) -> bytes:
    _, sealed_by, data = sealed.split(".")
    place, _, plaintext = b64decode(data).partition(b"|")
    if sealed_by != name or place.decode() != bound_to:
        raise CannotOpen(f"sealed by {sealed_by} for {place.decode()}")
    return plaintext


@dataclass(frozen=True, slots=True)
class FakeDataKey:
    """Implements DataKey: nothing is readable at a glance, and nothing is secret."""

    id: UUID
    guest_id: UUID
    wrapped: str

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        return _seal(str(self.id), plaintext, bound_to)

    def open(self, sealed: str, bound_to: str) -> bytes:
        return _open(str(self.id), sealed, bound_to)


class FakeServiceKeys:
    """Implements ServiceKeys; a guest's first key is always the same one, and so is the second."""

    def __init__(self, current: str = "fake", *others: str) -> None:
        self.current = current
        self._names = (current, *others)

    def seal(self, plaintext: bytes, bound_to: str) -> str:
        return _seal(self.current, plaintext, bound_to)

    def sealed_by(self, name: str, plaintext: bytes, bound_to: str) -> str:
        return _seal(name, plaintext, bound_to)

    def open(self, sealed: str, bound_to: str) -> bytes:
        name = sealed.split(".")[1]
        if name not in self._names:
            raise CannotOpen(f"sealed by the key {name!r}, which is not among these")
        return _open(name, sealed, bound_to)

    def create(self, guest_id: UUID, number: int = 0) -> FakeDataKey:
        key_id = uuid5(guest_id, f"key/{number}")
        return FakeDataKey(key_id, guest_id, self.seal(b"key", f"{key_id}/{guest_id}"))

    def unwrapped(self, key_id: UUID, guest_id: UUID, wrapped: str) -> FakeDataKey:
        self.open(wrapped, f"{key_id}/{guest_id}")
        return FakeDataKey(key_id, guest_id, wrapped)

    def wrapped_again(self, key: WrappedKey) -> str | None:
        if key.wrapped.split(".")[1] == self.current:
            return None
        secret = self.open(key.wrapped, f"{key.id}/{key.guest_id}")
        return self.seal(secret, f"{key.id}/{key.guest_id}")
