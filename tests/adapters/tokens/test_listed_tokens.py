"""Tokens under keys that an issuer lists: the algorithm belongs to the key."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import Algorithm, SharedSecret
from tests.adapters.tokens.a_key import LISTED, a_key
from tests.adapters.tokens.a_token import (
    SECRET,
    a_token,
    claims,
)
from tests.adapters.tokens.trusting import GUEST, judged, part, refused_because, trusting


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
