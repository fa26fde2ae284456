"""Tokens under keys that an issuer lists: which key, which algorithm, what is not listened to."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from adapters.tokens.authenticator import LEEWAY_SECONDS, TokenAuthenticator
from adapters.tokens.bearer import MAX_HEADER_BYTES
from adapters.tokens.compact import CompactToken
from adapters.tokens.key_set import KeySet
from adapters.tokens.keys import Algorithm, SharedSecret
from adapters.tokens.listed_keys import ListedKeys
from app.beside import beside
from domain.principal import Guest, Principal
from domain.refusal import Code, Refusal
from tests.adapters.tokens.a_key import LISTED, KeyPair, a_key, key_list
from tests.adapters.tokens.a_place import APlace
from tests.adapters.tokens.a_token import (
    EXPIRES,
    GUEST_ID,
    ISSUED,
    NOW,
    SECRET,
    a_token,
    bearer,
    claims,
)

GUEST = Guest(UUID(GUEST_ID))


@asynccontextmanager
async def trusting(
    *listed: KeyPair | dict[str, Any], algorithm: Algorithm = "ES256"
) -> AsyncIterator[TokenAuthenticator]:
    """Whoever signs with these keys."""
    keys = ListedKeys(APlace(key_list(*listed)), algorithm, patience_seconds=0)
    async with beside(keys.keep_fresh()):
        tokens = TokenAuthenticator(keys)
        await tokens.prepare(())
        yield tokens


def judged(tokens: TokenAuthenticator, token: bytes, at: datetime = NOW) -> Principal | Refusal:
    return tokens.authenticate(bearer(token), at)


def refused_because(answer: Principal | Refusal) -> str:
    assert isinstance(answer, Refusal)
    assert answer.code is Code.UNAUTHENTICATED
    return answer.detail


def part(content: Any) -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


# --- the algorithm belongs to the key ---


@pytest.mark.parametrize("algorithm", LISTED)
async def test_a_token_under_a_listed_key_is_taken(algorithm: Algorithm) -> None:
    one, two = a_key("one", algorithm), a_key("two", algorithm)
    async with trusting(one, two, algorithm=algorithm) as tokens:
        assert judged(tokens, one.token()) == GUEST
        assert judged(tokens, two.token()) == GUEST


@pytest.mark.parametrize("algorithm", LISTED)
async def test_a_token_under_another_key_of_the_same_name_is_forged(algorithm: Algorithm) -> None:
    async with trusting(a_key("one", algorithm), algorithm=algorithm) as tokens:
        forged = a_key("stranger", algorithm).token({"kid": "one"})
        assert "signature" in refused_because(judged(tokens, forged))


@pytest.mark.parametrize("algorithm", LISTED)
async def test_a_token_cannot_choose_which_listed_key_it_is_checked_with(
    algorithm: Algorithm,
) -> None:
    one, two = a_key("one", algorithm), a_key("two", algorithm)
    async with trusting(one, two, algorithm=algorithm) as tokens:
        assert "signature" in refused_because(judged(tokens, one.token({"kid": "two"})))


@pytest.mark.parametrize("algorithm", LISTED)
async def test_an_unsigned_token_is_refused(algorithm: Algorithm) -> None:
    one = a_key("one", algorithm)
    async with trusting(one, algorithm=algorithm) as tokens:
        _, payload, signature = one.token().split(b".")
        for name in ("none", "None", "NONE", "", None):
            header = part({"alg": name, "kid": "one"})
            for end in (b"", signature):
                answer = judged(tokens, b".".join((header, payload, end)))
                assert "algorithm" in refused_because(answer)


@pytest.mark.parametrize("algorithm", LISTED)
async def test_a_public_key_is_no_secret_to_sign_with(algorithm: Algorithm) -> None:
    """Everybody has it: taken for the secret of HS256 it would let everybody in."""
    one = a_key("one", algorithm)
    public = one.private.public_key()
    spellings = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(one.public()).encode(),
        base64.urlsafe_b64decode(str(one.public().get("x") or one.public()["n"]) + "=="),
    ]
    async with trusting(one, algorithm=algorithm) as tokens:
        signed = part({"alg": "HS256", "kid": "one"}) + b"." + part(claims())
        for secret in spellings:
            token = signed + b"." + part(hmac.digest(secret, signed, "sha256"))
            assert "algorithm" in refused_because(judged(tokens, token))


@pytest.mark.parametrize("claimed", ["RS384", "PS256", "ES384", "ES256K", "EdDSA", "HS256", 7, []])
async def test_a_token_that_names_another_algorithm_than_its_key_is_refused(claimed: Any) -> None:
    one = a_key("one", "RS256")
    async with trusting(one, algorithm="RS256") as tokens:
        signed = part({"alg": claimed, "kid": "one"}) + b"." + part(claims())
        algorithm = jwt.algorithms.get_default_algorithms()["RS256"]
        token = signed + b"." + part(algorithm.sign(signed, one.private))
        assert "algorithm" in refused_because(judged(tokens, token))


async def test_keys_of_another_algorithm_in_the_same_list_let_nobody_in() -> None:
    listed = [a_key("one"), a_key("rsa", "RS256"), a_key("ed", "EdDSA")]
    async with trusting(*listed) as tokens:
        assert judged(tokens, listed[0].token()) == GUEST
        for other in listed[1:]:
            assert "no key" in refused_because(judged(tokens, other.token()))


async def test_a_token_under_the_secret_of_old_is_refused_once_keys_are_listed() -> None:
    async with trusting(a_key("one")) as tokens:
        refused_because(judged(tokens, a_token()))
        refused_because(judged(tokens, a_token(headers={"kid": "one"})))


def test_a_secret_is_checked_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    compare = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    assert judged(TokenAuthenticator(SharedSecret(SECRET)), a_token()) == GUEST
    assert compared == [32]


def test_while_a_secret_is_exchanged_both_are_taken_and_no_third() -> None:
    tokens = TokenAuthenticator(SharedSecret("n" * 32, SECRET))
    assert judged(tokens, a_token()) == GUEST
    assert judged(tokens, a_token(secret="n" * 32)) == GUEST
    assert "signature" in refused_because(judged(tokens, a_token(secret="x" * 32)))
    after = TokenAuthenticator(SharedSecret("n" * 32))
    assert "signature" in refused_because(judged(after, a_token()))


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
