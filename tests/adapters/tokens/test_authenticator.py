"""Which tokens are taken, when, and for whom."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.tokens.authenticator import LEEWAY_SECONDS, AuthOff, TokenAuthenticator
from adapters.tokens.bearer import MAX_HEADER_BYTES
from adapters.tokens.keys import SharedSecret
from domain.principal import Admin, Business, Guest, Principal
from domain.refusal import Code, Refusal
from tests.adapters.tokens.a_token import EXPIRES, GUEST_ID, NOW, SECRET, a_token, bearer
from tests.adapters.tokens.trusting import refused_because

VENUE_ID = UUID("0b6a2f9e-1c1d-4c55-9b39-0c3a3b6f5a11")


@pytest.fixture
def tokens() -> TokenAuthenticator:
    return TokenAuthenticator(SharedSecret(SECRET))


def judged(tokens: TokenAuthenticator, token: bytes, at: datetime = NOW) -> Principal | Refusal:
    return tokens.authenticate(bearer(token), at)


def json_token(header: Any, payload: bytes) -> bytes:
    """Signed with the right secret, whatever stands in it."""
    import hmac

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    signed = part(json.dumps(header).encode()) + b"." + part(payload)
    return signed + b"." + part(hmac.digest(SECRET.encode(), signed, "sha256"))


# --- who ---


def test_a_guest_is_known_by_the_uuid_in_sub(tokens: TokenAuthenticator) -> None:
    assert judged(tokens, a_token()) == Guest(UUID(GUEST_ID))


def test_a_guest_whose_uuid_is_in_capitals_is_the_same_guest(tokens: TokenAuthenticator) -> None:
    assert judged(tokens, a_token(sub=GUEST_ID.upper())) == Guest(UUID(GUEST_ID))


@pytest.mark.parametrize("role", ["staff", "manager"])
def test_staff_and_managers_bring_their_venues(tokens: TokenAuthenticator, role: str) -> None:
    token = a_token(role=role, sub="anna", venue_ids=[str(VENUE_ID)])
    assert judged(tokens, token) == Business("anna", frozenset({VENUE_ID}))


def test_staff_without_venue_ids_have_no_venue(tokens: TokenAuthenticator) -> None:
    assert judged(tokens, a_token(role="staff", sub="anna")) == Business("anna", frozenset())


def test_an_admin_needs_no_uuid(tokens: TokenAuthenticator) -> None:
    assert judged(tokens, a_token(role="admin", sub="root")) == Admin("root")


def test_a_token_that_claims_to_be_the_system_is_forbidden_not_unauthenticated(
    tokens: TokenAuthenticator,
) -> None:
    answer = judged(tokens, a_token(role="system", sub="sweeper"))
    assert isinstance(answer, Refusal)
    assert answer.code is Code.FORBIDDEN


def test_a_forged_system_token_is_unauthenticated(tokens: TokenAuthenticator) -> None:
    refused_because(judged(tokens, a_token(role="system", secret="x" * 32)))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"type": "refresh"}, "type"),
        ({"type": None}, "type"),
        ({"role": None}, "role"),
        ({"role": "wizard"}, "role"),
        ({"role": ["admin"]}, "role"),
        ({"sub": None}, "sub"),
        ({"sub": "not-a-uuid"}, "sub"),
        ({"sub": "{" + GUEST_ID + "}"}, "sub"),
        ({"sub": 7}, "sub"),
        ({"role": "admin", "sub": ""}, "sub"),
        ({"role": "admin", "sub": "x" * 256}, "sub"),
        ({"role": "admin", "sub": "nul\0"}, "sub"),
        ({"role": "staff", "venue_ids": str(VENUE_ID)}, "venue_ids"),
        ({"role": "staff", "venue_ids": ["everywhere"]}, "venue_ids"),
        ({"role": "staff", "venue_ids": [7]}, "venue_ids"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": [1]}, "iat"),
        ({"nbf": "now"}, "nbf"),
    ],
)
def test_claims_that_cannot_be_taken_are_named(
    tokens: TokenAuthenticator, changes: dict[str, Any], word: str
) -> None:
    assert f'"{word}"' in refused_because(judged(tokens, a_token(**changes)))


# --- when ---


def test_a_token_that_expired_since_still_holds_for_a_record_sent_before(
    tokens: TokenAuthenticator,
) -> None:
    token = a_token()
    long_after = NOW + timedelta(days=3)
    assert "expired" in refused_because(judged(tokens, token, long_after))
    assert judged(tokens, token, NOW) == Guest(UUID(GUEST_ID))


def test_a_known_token_is_refused_once_it_has_expired(tokens: TokenAuthenticator) -> None:
    token = a_token()
    assert judged(tokens, token) == Guest(UUID(GUEST_ID))
    assert "expired" in refused_because(judged(tokens, token, NOW + timedelta(hours=1)))


@pytest.mark.parametrize(("late", "holds"), [(-0.001, True), (0.0, False)])
def test_expiry_has_a_leeway_of_half_a_minute(
    tokens: TokenAuthenticator, late: float, holds: bool
) -> None:
    at = datetime.fromtimestamp(EXPIRES + LEEWAY_SECONDS + late, NOW.tzinfo)
    assert isinstance(judged(tokens, a_token(), at), Guest) is holds


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "holds"), [(LEEWAY_SECONDS, True), (LEEWAY_SECONDS + 1, False)])
def test_a_token_of_the_future_is_refused_beyond_the_leeway(
    tokens: TokenAuthenticator, claim: str, ahead: float, holds: bool
) -> None:
    changes: dict[str, Any] = {claim: NOW.timestamp() + ahead}
    token = a_token(**changes)
    assert isinstance(judged(tokens, token), Guest) is holds


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
def test_an_expiry_that_is_no_usable_number_is_refused(
    tokens: TokenAuthenticator, number: str
) -> None:
    payload = f'{{"sub":"root","role":"admin","type":"access","iat":1,"exp":{number}}}'
    token = json_token({"alg": "HS256"}, payload.encode())
    refused_because(judged(tokens, token))


# --- forged ---


def test_another_secret_is_refused(tokens: TokenAuthenticator) -> None:
    assert "signature" in refused_because(judged(tokens, a_token(secret="x" * 32)))


def test_a_changed_claim_breaks_the_signature(tokens: TokenAuthenticator) -> None:
    header, _, signature = a_token().split(b".")
    _, other, _ = a_token(role="admin").split(b".")
    assert "signature" in refused_because(judged(tokens, b".".join((header, other, signature))))


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_an_unsigned_token_is_refused(tokens: TokenAuthenticator, name: str) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).rstrip(b"=")
    _, payload, signature = a_token().split(b".")
    for end in (b"", signature):
        assert "algorithm" in refused_because(judged(tokens, b".".join((header, payload, end))))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_secret_is_refused(algorithm: str) -> None:
    long = SECRET * 2
    token = a_token(algorithm=algorithm, secret=long)
    same_secret = TokenAuthenticator(SharedSecret(long))
    assert "algorithm" in refused_because(judged(same_secret, token))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", ["HS256"], {}, None, 5])
def test_an_algorithm_swapped_in_the_header_is_refused(
    tokens: TokenAuthenticator, algorithm: Any
) -> None:
    token = json_token({"alg": algorithm}, b"{}")
    refused_because(judged(tokens, token))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"crit": "b64"},
        {"b64": False},
        {"kid": 5},
    ],
)
def test_critical_extensions_are_refused(
    tokens: TokenAuthenticator, header: dict[str, Any]
) -> None:
    _, payload, _ = a_token().split(b".")
    claims = base64.urlsafe_b64decode(payload + b"==")
    refused_because(judged(tokens, json_token({"alg": "HS256"} | header, claims)))


def test_a_forged_token_is_not_kept_and_pushes_no_genuine_one_out() -> None:
    tokens = TokenAuthenticator(SharedSecret(SECRET), cache_size=2)
    genuine = a_token()
    judged(tokens, genuine)
    for other in range(10):
        refused_because(judged(tokens, a_token(secret="x" * 32, jti=str(other))))
    assert list(tokens._genuine) == [genuine]


def test_only_the_tokens_used_last_are_kept() -> None:
    tokens = TokenAuthenticator(SharedSecret(SECRET), cache_size=2)
    first, second, third = (a_token(jti=jti) for jti in "abc")
    for token in (first, second, first, third):
        assert isinstance(judged(tokens, token), Guest)
    assert list(tokens._genuine) == [first, third]


# --- malformed ---


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic dXNlcjpwYXNz",
        b"Bearer a.b",
        b"Bearer a.b.c.d.e",
        b"Bearer ...",
        b"Bearer \xff\xfe\x00\x01",
        b"\xc3\x28",
        bytes(range(256)),
        b"Bearer " + b"a" * MAX_HEADER_BYTES,
    ],
)
def test_what_is_no_token_is_refused(
    tokens: TokenAuthenticator, authorization: bytes | None
) -> None:
    refused_because(tokens.authenticate(authorization, NOW))


def test_a_token_is_not_read_when_it_is_too_long(tokens: TokenAuthenticator) -> None:
    long = bearer(a_token(padding="x" * MAX_HEADER_BYTES))
    assert "longer than" in refused_because(tokens.authenticate(long, NOW))


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{", b"\xff", b'{"sub": "\\ud800"}'])
def test_signed_claims_that_are_no_json_object_are_refused(
    tokens: TokenAuthenticator, payload: bytes
) -> None:
    refused_because(judged(tokens, json_token({"alg": "HS256"}, payload)))


@pytest.mark.parametrize("header", [[], 7, None, "HS256", {}])
def test_a_header_without_an_algorithm_is_refused(tokens: TokenAuthenticator, header: Any) -> None:
    refused_because(judged(tokens, json_token(header, b"{}")))


@pytest.mark.parametrize("scheme", [b"bearer ", b"BEARER ", b"Bearer  "])
def test_the_scheme_is_read_as_http_reads_it(tokens: TokenAuthenticator, scheme: bytes) -> None:
    assert isinstance(tokens.authenticate(scheme + a_token(), NOW), Guest)


def test_a_refusal_never_repeats_the_token(tokens: TokenAuthenticator) -> None:
    token = a_token(role="canary-role", email="canary@example.org", secret="x" * 32)
    for answer in (judged(tokens, token), judged(tokens, a_token(role="canary-role"))):
        assert "canary" not in refused_because(answer)


# --- for whom ---


def test_issuer_and_audience_are_required_when_they_are_set() -> None:
    tokens = TokenAuthenticator(SharedSecret(SECRET), issuer="accounts", audience="booking")
    assert isinstance(judged(tokens, a_token(iss="accounts", aud="booking")), Guest)
    assert isinstance(judged(tokens, a_token(iss="accounts", aud=["other", "booking"])), Guest)
    assert '"iss"' in refused_because(judged(tokens, a_token(aud="booking")))
    assert '"iss"' in refused_because(judged(tokens, a_token(iss="other", aud="booking")))
    assert '"aud"' in refused_because(judged(tokens, a_token(iss="accounts")))
    assert '"aud"' in refused_because(judged(tokens, a_token(iss="accounts", aud="bookings")))
    assert '"aud"' in refused_because(judged(tokens, a_token(iss="accounts", aud={"booking": 1})))


def test_a_token_for_somebody_else_is_refused_when_no_audience_is_set(
    tokens: TokenAuthenticator,
) -> None:
    strangers: list[Any] = ["payments", ["payments"], [None], {}]
    for audience in strangers:
        refusal = refused_because(judged(tokens, a_token(aud=audience)))
        assert '"aud" names an audience, and this service is set to have none' in refusal


def test_auth_off_makes_everybody_an_admin() -> None:
    assert AuthOff().authenticate(None, NOW) == Admin("auth-off")
