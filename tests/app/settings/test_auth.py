"""Which combinations of an algorithm, secrets and lists of keys the worker starts with."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import AuthSettings, SettingsError, read
from app.settings.auth import AuthSection
from app.settings.service import SigningSection
from tests.adapters.tokens.a_key import LISTED, a_key, key_list

SECRET, OTHER = "s" * 32, "o" * 32
URL = "https://accounts.example/keys.json"


class Auth:
    """Reads the section with these variables, named without their prefix."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.notices: tuple[str, ...] = ()

    def __call__(self, *, environment: str = "development", **changes: str) -> AuthSettings:
        self._patch.setenv("BOOKING_ENVIRONMENT", environment)
        for name, value in changes.items():
            self._patch.setenv(f"BOOKING_AUTH__{name}", value)
        reading = read(AuthSection)
        self.notices = reading.notices
        return reading[AuthSection].value

    def refused(self, *, environment: str = "development", **changes: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self(environment=environment, **changes)
        return str(caught.value).splitlines()


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> Auth:
    return Auth(monkeypatch)


@pytest.mark.parametrize("algorithm", LISTED)
def test_listed_keys_may_be_in_a_file(auth: Auth, algorithm: str) -> None:
    Path("keys.json").write_bytes(key_list(*(a_key("one", each) for each in LISTED)))
    value = auth(ALGORITHM=algorithm, JWKS_FILE="keys.json")
    assert (value.algorithm, value.jwks_file, value.secret) == (algorithm, Path("keys.json"), None)


def test_listed_keys_may_be_at_an_address(auth: Auth) -> None:
    value = auth(ALGORITHM="RS256", JWKS_URL=URL, JWKS_MAX_AGE_SECONDS="1.5")
    assert (value.jwks_url, value.jwks_max_age_seconds, value.jwks_patience_seconds) == (
        URL,
        1.5,
        300,
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ALGORITHM": "HS256"}, "SECRET is missing"),
        ({"ALGORITHM": "HS256", "SECRET": SECRET, "JWKS_URL": URL}, "JWKS_URL is wrong"),
        ({"ALGORITHM": "HS256", "SECRET": SECRET, "JWKS_FILE": "k"}, "JWKS_FILE is wrong"),
        ({"ALGORITHM": "RS256"}, "JWKS_FILE or JWKS_URL is missing"),
        ({"ALGORITHM": "RS256", "JWKS_URL": URL, "JWKS_FILE": "k"}, "JWKS_URL is wrong"),
    ],
)
def test_what_does_not_go_together_is_refused(
    auth: Auth, changes: dict[str, str], named: str
) -> None:
    (line,) = auth.refused(**changes)
    assert line.startswith(f"BOOKING_AUTH__{named}: expected ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "the file cannot be read: No such file or directory"),
        (b"", "not JSON"),
        (b"{}", '"keys"'),
        (key_list(), "it lists none"),
        (key_list(a_key("one", "RS256")), "key 1: its kty is not that of ES256"),
        (key_list(a_key("one").public(use="enc"), {"kty": "oct", "k": "AAAA"}), "key 2: its kty"),
        (key_list(a_key("one"), a_key("two").public(kid="one")), "kid one stands for several"),
    ],
)
def test_a_file_without_a_usable_key_is_refused_with_the_reason(
    auth: Auth, text: bytes | None, why: str
) -> None:
    if text is not None:
        Path("keys.json").write_bytes(text)
    lines = auth.refused(ALGORITHM="ES256", JWKS_FILE="keys.json")
    assert lines[0].startswith("BOOKING_AUTH__JWKS_FILE is wrong: expected a JWK set with a key ")
    assert why in lines[0]


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://accounts/keys.json?policy=one", True),
        ("http://127.0.0.1:8080/keys.json", True),
        ("http://127.8.8.8/", True),
        ("http://[::1]:8080/keys.json", True),
        ("http://localhost/keys.json", True),
        ("http://accounts/keys.json", False),
        ("http://localhost.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://0.0.0.0/", False),
        ("http://10.0.0.1/", False),
    ],
)
def test_plain_http_from_another_machine_is_announced_and_refused_in_production(
    auth: Auth, url: str, is_safe: bool
) -> None:
    everything = {"ALGORITHM": "ES256", "JWKS_URL": url, "ISSUER": "i", "AUDIENCE": "a"}
    auth(**everything)
    assert any("JWKS_URL is not https" in said for said in auth.notices) is not is_safe
    if is_safe:
        auth(environment="production", **everything)
        assert auth.notices == ()
    else:
        (line,) = auth.refused(environment="production", **everything)
        assert line.startswith("BOOKING_AUTH__JWKS_URL is wrong: expected ")


def test_an_issuer_or_audience_that_nobody_asks_for_is_announced(auth: Auth) -> None:
    auth(ALGORITHM="ES256", JWKS_URL=URL)
    assert [said.split()[0] for said in auth.notices] == [
        "BOOKING_AUTH__ISSUER",
        "BOOKING_AUTH__AUDIENCE",
    ]


@pytest.mark.parametrize("name", ["SECRET", "ACCEPTED_SECRETS"])
def test_a_secret_that_was_left_behind_is_announced_and_reaches_nobody(
    auth: Auth, name: str
) -> None:
    value = auth(ALGORITHM="ES256", JWKS_URL=URL, **{name: SECRET})
    assert (value.secret, value.accepted_secrets) == (None, ())
    assert any("is not used" in said for said in auth.notices)


def test_secrets_are_exchanged_by_accepting_both(auth: Auth) -> None:
    value = auth(SECRET=SECRET, ACCEPTED_SECRETS=f"{OTHER}, {SECRET}")
    assert (value.secret, value.accepted_secrets) == (SECRET, (OTHER, SECRET))


def test_the_first_signing_key_is_the_one_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_SIGNING__KEY", SECRET)
    monkeypatch.setenv("BOOKING_SIGNING__ACCEPTED_KEYS", f"{OTHER}, {SECRET}, {'x' * 32}")
    section = read(SigningSection)[SigningSection]
    assert section.signing_keys == (SECRET.encode(), OTHER.encode(), b"x" * 32)
