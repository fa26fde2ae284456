"""One entry of a JWK set: a public key of the algorithm that is set, or the reason why it is none.

Only the members that make the key are handed on, so nothing else in an entry has any effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from adapters.tokens.keys import Algorithm

SHORTEST_RSA_BITS: Final = 2048  # RFC 7518, section 3.3
LONGEST_RSA_BITS: Final = 8192  # a check takes 16 times as long as with 2048
MAX_KEY_ID_CHARACTERS: Final = 255

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the public keys of an algorithm are written: RFC 7518 section 6, RFC 8037."""

    kty: str
    parts: tuple[str, ...]
    crv: str | None = None


_KINDS: Final[Mapping[Algorithm, _Kind]] = {
    "RS256": _Kind("RSA", ("n", "e")),
    "ES256": _Kind("EC", ("x", "y"), "P-256"),
    "EdDSA": _Kind("OKP", ("x",), "Ed25519"),
}


class UnusableKey(Exception):
    """Why an entry is left out; says nothing of what stands in it."""


def read_entry(entry: object, algorithm: Algorithm) -> tuple[str | None, PyJWK]:
    """Its `kid`, if it has one, and the key, bound to `algorithm`. Raises UnusableKey."""
    if not isinstance(entry, dict):
        raise UnusableKey("it is no JSON object")
    return _key_id(entry), _public_key(entry, algorithm)


def _key_id(entry: Mapping[str, Any]) -> str | None:
    key_id = entry.get("kid")
    if key_id is None:
        return None
    if not isinstance(key_id, str) or not key_id.isprintable():
        raise UnusableKey("its kid is not printable text")
    if not 1 <= len(key_id) <= MAX_KEY_ID_CHARACTERS:
        raise UnusableKey(f"its kid does not have 1 to {MAX_KEY_ID_CHARACTERS} characters")
    return key_id


def _public_key(entry: Mapping[str, Any], algorithm: Algorithm) -> PyJWK:
    """A secret (`oct`) is none, whatever else it says: everybody can read the list."""
    kind = _KINDS.get(algorithm)
    if kind is None or entry.get("kty") != kind.kty:
        raise UnusableKey(f"its kty is not that of {algorithm}")
    if not _PRIVATE.isdisjoint(entry):
        raise UnusableKey("it shows private parts, so it is nobody's any more")
    if entry.get("alg", algorithm) != algorithm:
        raise UnusableKey(f"its alg is not {algorithm}")
    if entry.get("use", "sig") != "sig":
        raise UnusableKey("its use is not sig")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("its key_ops do not hold verify")
    if kind.crv is not None and entry.get("crv") != kind.crv:
        raise UnusableKey(f"its crv is not {kind.crv}")
    key = _made(entry, kind, algorithm)
    if isinstance(key.key, RSAPublicKey) and not _is_long_enough(key.key):
        raise UnusableKey(f"it does not have {SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS} bits")
    return key


def _is_long_enough(key: RSAPublicKey) -> bool:
    return SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS


def _made(entry: Mapping[str, Any], kind: _Kind, algorithm: Algorithm) -> PyJWK:
    parts = {name: entry.get(name) for name in kind.parts}
    if not all(isinstance(part, str) and _BASE64URL.fullmatch(part) for part in parts.values()):
        raise UnusableKey(f"it lacks one of {', '.join(kind.parts)}")
    try:
        return PyJWK.from_dict({"kty": kind.kty, "crv": kind.crv, **parts}, algorithm)
    except (PyJWTError, ValueError):
        raise UnusableKey("it is no key") from None
