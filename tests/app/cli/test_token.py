"""`booking token`: tokens that the worker takes, and none in production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import SharedSecret
from domain.principal import Admin, Business, Guest, Principal
from domain.refusal import Refusal
from tests.app.cli.conftest import Booking

SECRET = "a secret that has at least 32 bytes"


@pytest.fixture(autouse=True)
def secret(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_AUTH__SECRET", SECRET)


def taken(token: str, at: datetime | None = None) -> Principal | Refusal:
    authenticator = TokenAuthenticator(SharedSecret(SECRET))
    return authenticator.authenticate(f"Bearer {token}".encode(), at or datetime.now(UTC))


def test_a_guest_is_made_up(booking: Booking) -> None:
    assert isinstance(taken(booking("token").out.strip()), Guest)


def test_a_guest_can_be_named(booking: Booking) -> None:
    guest = uuid4()
    assert taken(booking("token", "--sub", str(guest)).out.strip()) == Guest(guest)


def test_staff_have_the_venues_that_were_named(booking: Booking) -> None:
    one, two = uuid4(), uuid4()
    ran = booking(
        "token", "--role", "staff", "--sub", "anna", "--venue", str(one), "--venue", str(two)
    )
    assert taken(ran.out.strip()) == Business("anna", frozenset({one, two}))


def test_a_token_lasts_as_long_as_asked(booking: Booking) -> None:
    token = booking("token", "--role", "admin", "--sub", "root", "--hours", "0.5").out.strip()
    now = datetime.now(UTC)
    assert taken(token) == Admin("root")
    assert isinstance(taken(token, now + timedelta(minutes=31)), Refusal)


def test_programs_get_the_claims_too(booking: Booking) -> None:
    told = booking("token", "--json").json
    assert taken(told["token"]) == Guest(UUID(told["claims"]["sub"]))


def test_a_guest_needs_a_uuid(booking: Booking) -> None:
    ran = booking("token", "--sub", "anna")
    assert (ran.code, ran.out) == (2, "")


def test_there_are_no_tokens_in_production(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKING_ENVIRONMENT", "production")
    ran = booking("token")
    assert (ran.code, ran.out) == (1, "")
    assert "production" in ran.err
    assert SECRET not in ran.err
