"""What production insists on, and development only says."""

from __future__ import annotations

import pytest

from tests.app.settings.loading import LoadWith, in_production


def test_production_with_its_own_keys_has_nothing_to_announce(settings: LoadWith) -> None:
    assert settings(**in_production()).notices == ()


@pytest.mark.parametrize("name", ["SIGNING__KEY", "SEAL__KEYS", "AUDIT__KEYS"])
def test_production_needs_its_own_keys(settings: LoadWith, name: str) -> None:
    (line,) = settings.refused(**in_production(**{name: None}))
    assert line.startswith(f"BOOKING_{name} is missing: expected ")


def test_production_refuses_auth_off(settings: LoadWith) -> None:
    assert settings.refused(**in_production(AUTH__MODE="off")) == [
        "BOOKING_AUTH__MODE is wrong: expected jwt, in production"
    ]


def test_production_refuses_a_short_secret(settings: LoadWith) -> None:
    (line,) = settings.refused(**in_production(AUTH__SECRET="short"))
    assert line.startswith("BOOKING_AUTH__SECRET is wrong")


def test_who_makes_tokens_must_not_be_able_to_sign_as_the_service(settings: LoadWith) -> None:
    expected = "BOOKING_SIGNING__KEY is wrong: expected a key of its own, not the secret of tokens"
    assert settings.refused(**in_production(SIGNING__KEY="s" * 32)) == [expected]
    assert settings.refused(
        **in_production(SIGNING__ACCEPTED_KEYS="s" * 32, SIGNING__KEY="k" * 32)
    ) == [expected]
    assert expected in settings(ENVIRONMENT="development", SIGNING__KEY="s" * 32).notices


def test_development_says_what_is_unsafe(settings: LoadWith) -> None:
    said = "\n".join(settings(AUTH__MODE="off", AUTH__SECRET="short").notices)
    for name in ("SIGNING__KEY", "SEAL__KEYS", "AUDIT__KEYS", "AUTH__MODE", "AUTH__SECRET"):
        assert f"BOOKING_{name} is" in said


def test_auth_off_needs_no_secret(settings: LoadWith) -> None:
    assert settings(AUTH__MODE="off", AUTH__SECRET=None).auth.mode == "off"
