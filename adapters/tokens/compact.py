"""A signed token taken apart, once: RFC 7515's compact form, and nothing but its canonical letters.

PyJWT parses a token anew for each question that one asks about it, with the standard library's
JSON; most tokens come with one command or a few, so that was a tenth of the worker's time. The
signature itself is still PyJWT's affair.
"""

from __future__ import annotations

from binascii import Error, a2b_base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from jwt import DecodeError, InvalidAlgorithmError, InvalidSignatureError, PyJWK

from domain.values import dataclass

# base64url: what base64 has instead of "-" and "_", and padding, become letters that it refuses.
_TO_BASE64: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# By how much padding there would be: the letters whose bits beyond the last byte are zero. Python
# looks at none of these bits, not even in its strict mode.
_LAST: Final = {1: _LETTERS[::4], 2: _LETTERS[::16], 3: b""}


@dataclass(frozen=True, slots=True)
class CompactToken:
    """Nothing of it is to be believed before `verify` has returned."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, token: bytes) -> CompactToken:
        """Raises jwt.DecodeError for what is not three parts of base64url, the first an object."""
        signed, _, signature = token.rpartition(b".")
        header, dot, payload = signed.partition(b".")
        if not dot:
            raise DecodeError("expected three parts")
        return cls(header_of(header), _decoded(payload), signed, _decoded(signature))

    def verify(self, keys: Sequence[PyJWK]) -> None:
        """By any of these. Raises jwt.InvalidAlgorithmError or InvalidSignatureError."""
        right = [key for key in keys if self.header.get("alg") == key.algorithm_name]
        if not right:
            raise InvalidAlgorithmError("expected the key's own algorithm")
        if not any(key.Algorithm.verify(self.signed, key.key, self.signature) for key in right):
            raise InvalidSignatureError("expected the key's signature")


@lru_cache(maxsize=64)  # an issuer's tokens all begin alike
def header_of(part: bytes) -> Mapping[str, Any]:
    """What the first part of a token says. Raises jwt.DecodeError when it is no JSON object."""
    try:
        said = orjson.loads(_decoded(part))
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("kid", ""), str):
        raise DecodeError("expected a header that is a JSON object")
    return said


def _decoded(part: bytes) -> bytes:
    padding = b"=" * (-len(part) % 4)
    if padding and part[-1:] not in _LAST[len(padding)]:
        raise DecodeError("expected canonical base64url")
    try:
        return a2b_base64(part.translate(_TO_BASE64) + padding, strict_mode=True)
    except Error as error:
        raise DecodeError("expected base64url") from error
