"""A JWK set (RFC 7517) as far as it is usable under one algorithm, and what of it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from jwt import PyJWK

from adapters.tokens.keys import Algorithm
from adapters.tokens.listed_key import UnusableKey, read_entry
from schemas.strict_json import MAX_BYTES, Unreadable, parse

MAX_SET_BYTES: Final = MAX_BYTES
MAX_ENTRIES: Final = 100


class NoKeySet(Exception):
    """The text is no JWK set; the message never repeats it."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Usable keys by `kid`; `only` is the one that a token without a `kid` may be signed with."""

    by_id: dict[str, PyJWK]
    only: PyJWK | None
    unusable: tuple[str, ...]

    @classmethod
    def parse(cls, text: bytes, algorithm: Algorithm) -> Self:
        """Raises NoKeySet; entries that cannot be used do not spoil the others."""
        try:
            said = parse(text)
        except Unreadable as error:
            raise NoKeySet(error.detail) from None
        entries = said.get("keys") if isinstance(said, dict) else None
        if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
            raise NoKeySet(f'expected a JSON object with at most {MAX_ENTRIES} "keys"')
        return cls._of(entries, algorithm)

    @classmethod
    def _of(cls, entries: Sequence[object], algorithm: Algorithm) -> Self:
        usable: list[tuple[str | None, PyJWK]] = []
        unusable: list[str] = []
        for number, entry in enumerate(entries, 1):
            try:
                usable.append(read_entry(entry, algorithm))
            except UnusableKey as error:
                unusable.append(f"key {number}: {error}")
        named = {key_id: key for key_id, key in usable if key_id is not None}
        for key_id in _repeated(key_id for key_id, _ in usable):
            # Which of them signed cannot be told, and trying each would let a stray one in.
            del named[key_id]
            unusable.append(f"kid {key_id} stands for several keys")
        return cls(named, usable[0][1] if len(usable) == 1 else None, tuple(unusable))

    @property
    def is_empty(self) -> bool:
        """Whether no token at all could be verified."""
        return not self.by_id and self.only is None

    def candidates(self, key_id: str | None) -> Sequence[PyJWK]:
        """At most one: the key of this name, or the only one for a token that names none."""
        key = self.only if key_id is None else self.by_id.get(key_id)
        return () if key is None else (key,)


def _repeated(key_ids: Iterator[str | None]) -> list[str]:
    counted = Counter(key_id for key_id in key_ids if key_id is not None)
    return [key_id for key_id, count in counted.items() if count > 1]
