"""A token's form: three parts of base64url without padding, in no other spelling."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from adapters.tokens.compact import CompactToken
from adapters.tokens.keys import SharedSecret

SECRET = "a-secret-of-thirty-two-bytes-at-least"


def a_token() -> bytes:
    return jwt.encode({"sub": "?>?>?>~~~ÿÿÿ"}, SECRET, "HS256").encode()


def test_what_pyjwt_signs_is_taken_apart_and_verified() -> None:
    keys = SharedSecret(SECRET).candidates(None)
    token = CompactToken.parse(a_token())
    token.verify(keys)
    assert token.header == {"alg": "HS256", "typ": "JWT"}
    assert token.payload.startswith(b'{"sub":')


def test_the_signature_covers_header_and_payload() -> None:
    keys = SharedSecret(SECRET).candidates(None)
    header, payload, signature = a_token().split(b".")
    for swapped in (b".".join((header, header, signature)), b".".join((payload, payload))):
        with pytest.raises(jwt.InvalidTokenError):
            CompactToken.parse(swapped).verify(keys)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda token: token + b"=",
        lambda token: token.replace(b".", b"=.", 1),
        lambda token: token[:-1] + b"+",
        lambda token: token[:-1] + b"/",
        lambda token: token[:-1] + b"\n",
        lambda token: token + b".",
        lambda token: token.replace(b".", b"..", 1),
        lambda token: b"." + token,
        lambda token: token.rpartition(b".")[0],
        lambda token: b"W10." + token.partition(b".")[2],  # []
        lambda token: b"eyJraWQiOjF9." + token.partition(b".")[2],  # {"kid":1}
    ],
)
def test_any_other_spelling_is_malformed(wrong: Callable[[bytes], bytes]) -> None:
    with pytest.raises(jwt.DecodeError):
        CompactToken.parse(wrong(a_token()))
