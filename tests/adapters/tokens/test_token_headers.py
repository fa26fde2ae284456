"""What a token under a listed key may say of itself, and what is not listened to."""

from __future__ import annotations

import contextlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tokens.authenticator import LEEWAY_SECONDS, TokenAuthenticator
from adapters.tokens.bearer import MAX_HEADER_BYTES
from adapters.tokens.compact import CompactToken
from adapters.tokens.key_set import KeySet
from adapters.tokens.keys import Algorithm, SharedSecret
from domain.principal import Guest
from tests.adapters.tokens.a_key import LISTED, KeyPair, a_key, key_list
from tests.adapters.tokens.a_token import (
    EXPIRES,
    ISSUED,
    NOW,
    SECRET,
    claims,
)
from tests.adapters.tokens.trusting import GUEST, judged, part, refused_because, trusting

# --- what a token says about keys is not listened to ---


def own_key_headers(stranger: KeyPair) -> list[dict[str, Any]]:
    public = stranger.public()
    return [
        {"jwk": public},
        {"jku": "http://127.0.0.1:1/keys.json"},
        {"x5u": "http://127.0.0.1:1/chain.pem"},
        {"x5c": ["AAAA"]},
        {"x5t": "AAAA", "x5t#S256": "AAAA"},
        {"jwk": public, "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"},
    ]


@pytest.mark.parametrize("number", range(6))
async def test_a_token_that_brings_its_own_key_is_no_better_than_without(number: int) -> None:
    stranger = a_key("stranger")
    header = own_key_headers(stranger)[number]
    async with trusting(a_key("one")) as tokens:
        assert "no key" in refused_because(judged(tokens, stranger.token(header)))
        forged = stranger.token({**header, "kid": "one"})
        assert "signature" in refused_because(judged(tokens, forged))
        assert judged(tokens, a_key("one").token(header)) == GUEST


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}])
async def test_critical_extensions_are_refused(header: dict[str, Any]) -> None:
    one = a_key("one")
    async with trusting(one) as tokens:
        assert "extensions" in refused_because(judged(tokens, one.token(header)))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", "application/jwt"])
async def test_access_tokens_may_say_what_they_are(kind: str) -> None:
    one = a_key("one")
    async with trusting(one) as tokens:
        assert judged(tokens, one.token({"typ": kind})) == GUEST
        assert judged(tokens, one.token({"typ": None})) == GUEST


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", " JWT"])
async def test_a_token_of_another_kind_is_refused_though_well_signed(kind: str) -> None:
    one = a_key("one")
    async with trusting(one) as tokens:
        assert '"typ"' in refused_because(judged(tokens, one.token({"typ": kind})))


@pytest.mark.parametrize("kind", [5, ["JWT"], None, {}, ""])
def test_a_kind_that_says_nothing_is_refused(kind: Any) -> None:
    signed = part({"alg": "HS256", "typ": kind}) + b"." + part(claims())
    token = signed + b"." + part(hmac.digest(SECRET.encode(), signed, "sha256"))
    tokens = TokenAuthenticator(SharedSecret(SECRET))
    assert '"typ"' in refused_because(judged(tokens, token))


async def test_a_refresh_token_is_refused() -> None:
    one = a_key("one")
    async with trusting(one) as tokens:
        assert '"type"' in refused_because(judged(tokens, one.token(type="refresh")))
        assert '"type"' in refused_because(judged(tokens, one.token(type=None)))


# --- without a kid ---


async def test_a_token_without_a_kid_needs_a_list_of_exactly_one() -> None:
    one, two = a_key("one"), a_key("two")
    nameless = one.token({"kid": None})
    async with trusting(one) as tokens:
        assert judged(tokens, nameless) == GUEST
        assert "signature" in refused_because(judged(tokens, two.token({"kid": None})))
    async with trusting(one, two) as tokens:
        assert "no key" in refused_because(judged(tokens, nameless))


# --- when, and how much ---


@pytest.mark.parametrize("algorithm", LISTED)
@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (EXPIRES + LEEWAY_SECONDS - 0.001, True),
        (EXPIRES + LEEWAY_SECONDS, False),
        (ISSUED - LEEWAY_SECONDS, True),
        (ISSUED - LEEWAY_SECONDS - 0.001, False),
    ],
)
async def test_the_leeway_is_half_a_minute_by_the_records_time(
    algorithm: Algorithm, at: float, holds: bool
) -> None:
    one = a_key("one", algorithm)
    async with trusting(one, algorithm=algorithm) as tokens:
        answer = judged(tokens, one.token(), datetime.fromtimestamp(at, UTC))
        assert isinstance(answer, Guest) is holds


async def test_the_workers_own_clock_has_no_say() -> None:
    """The token expired long before this test runs."""
    one = a_key("one")
    async with trusting(one) as tokens:
        assert judged(tokens, one.token(), NOW) == GUEST
        assert "expired" in refused_because(judged(tokens, one.token(), NOW + timedelta(hours=1)))


async def test_a_token_that_is_too_long_is_refused_before_any_key_is_asked() -> None:
    one = a_key("one")
    async with trusting(one) as tokens:
        long = one.token(padding="x" * MAX_HEADER_BYTES)
        assert "longer than" in refused_because(judged(tokens, long))


_TOKEN = a_key("one").token()
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_signature_has_one_last_letter() -> None:
    """Sixteen of them decode to the same bytes: of the last letter four bits are left over."""
    keys = KeySet.parse(key_list(a_key("one")), "ES256").candidates("one")
    genuine = []
    for letter in _LETTERS:
        changed = _TOKEN[:-1] + bytes([letter])
        with contextlib.suppress(jwt.InvalidTokenError):
            CompactToken.parse(changed).verify(keys)
            genuine.append(changed)
    assert genuine == [_TOKEN]


@given(st.integers(0, len(_TOKEN) - 1), st.integers(0, 255))
def test_no_other_byte_anywhere_makes_a_genuine_token(position: int, byte: int) -> None:
    """Canonical base64url: one token has one spelling."""
    changed = bytearray(_TOKEN)
    changed[position] = byte
    keys = KeySet.parse(key_list(a_key("one")), "ES256").candidates("one")
    try:
        CompactToken.parse(bytes(changed)).verify(keys)
    except jwt.InvalidTokenError:
        assert bytes(changed) != _TOKEN
    else:
        assert bytes(changed) == _TOKEN
