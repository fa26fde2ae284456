"""Settings as they are loaded from the environment, with what is needed already in it."""

from __future__ import annotations

import pytest

from app.settings import Settings, SettingsError, load

SEAL = "k1:" + "A" * 43 + "="
NEEDED = {
    "BOOKING_KAFKA__BOOTSTRAP_SERVERS": "kafka:9092",
    "BOOKING_DATABASE__URL": "postgresql+asyncpg://booking:pw@db/booking",
    "BOOKING_INVENTORY__URL": "http://inventory",
    "BOOKING_PRICING__URL": "http://pricing:8080/",
    "BOOKING_PAYMENT__URL": "https://payment/base",
    "BOOKING_AUTH__SECRET": "s" * 32,
}
PRODUCTION = {
    "BOOKING_ENVIRONMENT": "production",
    "BOOKING_SIGNING__KEY": "k" * 32,
    "BOOKING_SEAL__KEYS": SEAL,
    "BOOKING_AUDIT__KEYS": SEAL,
    "BOOKING_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
    "BOOKING_KAFKA__SASL_USERNAME": "booking",
    "BOOKING_KAFKA__SASL_PASSWORD": "pw",
    "BOOKING_DATABASE__URL": "postgresql+asyncpg://booking:pw@db/booking?sslmode=verify-full",
}


def in_production(**changes: str | None) -> dict[str, str | None]:
    named: dict[str, str | None] = {
        name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()
    }
    return named | changes


class LoadWith:
    """Loads what is needed and these variables; a name without its prefix, None takes it away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, **changes: str | None) -> Settings:
        named = {f"BOOKING_{name}": value for name, value in changes.items()}
        for name, value in (NEEDED | named).items():
            if value is not None:
                self._patch.setenv(name, value)
        return load()

    def refused(self, **changes: str | None) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self(**changes)
        return str(caught.value).splitlines()
