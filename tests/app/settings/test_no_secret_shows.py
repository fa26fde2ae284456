"""No secret shows in what was loaded, nor any value in an error."""

from __future__ import annotations

import traceback

import pytest
from pydantic import ValidationError

from app.settings import SettingsError, read
from app.settings.kafka import KafkaSection
from app.settings.reading import ALL
from tests.app.settings.loading import LoadWith

CANARY = "canary-canary-canary-canary-canary"


def test_no_secret_shows_in_what_was_loaded(settings: LoadWith) -> None:
    sealed = "id:" + "Q0FOQVJZ" * 5 + "Q0E="
    loaded = settings(
        SIGNING__KEY=CANARY,
        SEAL__KEYS=sealed,
        AUDIT__KEYS=sealed,
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        KAFKA__SASL_USERNAME="me",
        KAFKA__SASL_PASSWORD=CANARY,
        DATABASE__URL=f"postgresql+asyncpg://me:{CANARY}@db/booking",
        INVENTORY__TOKEN=CANARY,
        PRICING__TOKEN=CANARY,
        PAYMENT__TOKEN=CANARY,
        AUTH__SECRET=CANARY + "x",
        SIGNING__ACCEPTED_KEYS=f"{CANARY}1,{CANARY}2",
        AUTH__ACCEPTED_SECRETS=f"{CANARY}3,{CANARY}4",
    )
    shown = f"{loaded!r}{loaded}" + "".join(repr(read(*ALL)[section]) for section in ALL)
    assert "canary" not in shown
    assert "CANARY" not in shown
    assert "Q0FOQVJZ" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING__KEY", "canary"),
        ("SEAL__KEYS", "canary"),
        ("SEAL__KEYS", "id:canary"),
        ("AUDIT__KEYS", "id:canary"),
        ("DATABASE__URL", "postgres://me:canary@db"),
        ("INVENTORY__URL", "http://me:canary@inventory"),
        ("AUTH__ALGORITHM", "canary"),
        ("AUTH__ACCEPTED_SECRETS", "canary"),
        ("AUTH__JWKS_URL", "https://me:canary@accounts"),
        ("SIGNING__ACCEPTED_KEYS", "canary"),
    ],
)
def test_no_value_shows_in_an_error(settings: LoadWith, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**{name: value})
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "canary" not in shown.replace('"canary"', "")


def test_not_even_pydantic_shows_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "canary")
    with pytest.raises(ValidationError) as caught:
        KafkaSection()
    assert "canary" not in str(caught.value)
