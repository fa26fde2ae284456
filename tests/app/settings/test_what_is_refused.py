"""What is missing or wrong is named with what is expected, each in a line of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.settings.loading import NEEDED, SEAL, LoadWith


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_named_with_what_is_expected(settings: LoadWith, name: str) -> None:
    (line,) = settings.refused(**{name.removeprefix("BOOKING_"): None})
    assert line.startswith(f"{name} is missing: expected ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("SIGNING__KEY", "k" * 31),
        ("SEAL__KEYS", "k1"),
        ("SEAL__KEYS", "k1:%%%"),
        ("SEAL__KEYS", "k1:QUJD"),
        ("SEAL__KEYS", "k1:!" + "A" * 43 + "="),
        ("SEAL__KEYS", f"{SEAL},{SEAL}"),
        ("SEAL__KEYS", f"{SEAL},"),
        ("SEAL__KEYS", SEAL.replace("k1", "k 1")),
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka"),
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka:9092;other:9092"),
        ("KAFKA__GROUP_ID", "two words"),
        ("KAFKA__TOPIC_PREFIX", "bücher"),
        ("KAFKA__DELIVERY", "at_most_once"),
        ("KAFKA__MAX_BATCH_RECORDS", "0"),
        ("KAFKA__MAX_BATCH_RECORDS", "many"),
        ("KAFKA__SIDE_BY_SIDE", "0"),
        ("KAFKA__SECURITY_PROTOCOL", "TLS"),
        ("KAFKA__SASL_MECHANISM", "GSSAPI"),
        ("KAFKA__SSL_CAFILE", "/nowhere.pem"),
        ("KAFKA__SESSION_TIMEOUT_MS", "1.5"),
        ("DATABASE__URL", "postgresql://db/booking"),
        ("DATABASE__URL", "mysql://db/booking"),
        ("DATABASE__URL", "postgresql+asyncpg://me:pw@db:99x9/booking"),
        ("DATABASE__URL", "postgresql+asyncpg://me:pw@[::1/booking"),
        ("DATABASE__URL", "sqlite+aiosqlite://"),
        ("DATABASE__URL", "sqlite+aiosqlite:///:memory:"),
        ("DATABASE__URL", "postgresql+asyncpg://me:pw@db/booking?sslmode=maybe"),
        ("DATABASE__URL", "postgresql+asyncpg://me:pw@db/booking?gssencmode=disable"),
        ("DATABASE__URL", "sqlite+aiosqlite:////no/such/directory/booking.sqlite3"),
        ("DATABASE__POOL_SIZE", "-1"),
        ("INVENTORY__URL", "inventory:80"),
        ("INVENTORY__URL", "http://me:secret@inventory"),
        ("INVENTORY__URL", ","),
        ("INVENTORY__URL", "http://inventory, inventory:80"),
        ("INVENTORY__URL", "https://inventory,http://inventory"),
        ("INVENTORY__URL", "http://inventory,http://inventory/"),
        ("INVENTORY__RESOLVE_SECONDS", "-1"),
        ("INVENTORY__RESOLVE_SECONDS", "0.1"),
        ("PRICING__URL", "http://pricing?x=1"),
        ("PRICING__URL", "http://pricing:80x"),
        ("PAYMENT__TIMEOUT_SECONDS", "0"),
        ("PAYMENT__TIMEOUT_SECONDS", "nan"),
        ("PAYMENT__TIMEOUT_SECONDS", "inf"),
        ("PAYMENT__ATTEMPTS", "0"),
        ("PAYMENT__BREAKER_FAILURES", "0"),
        ("PAYMENT__BREAKER_RESET_SECONDS", "-1"),
        ("PRICING__WHEN_UNAVAILABLE", "guess"),
        ("PRICING__FALLBACK__CAFE", "0"),
        ("PRICING__FALLBACK__CAFE", "NaN"),
        ("PRICING__FALLBACK", "{"),
        ("PRICING__FALLBACK_CURRENCY", "eur"),
        ("AUTH__MODE", "none"),
        ("AUTH__ALGORITHM", "none"),
        ("LIMITS__MODE", "sometimes"),
        ("LIMITS__WINDOW_SECONDS", "0"),
        ("LIMITS__GUEST__CREATE", "0"),
        ("LIMITS__ADMIN__READ", "many"),
        ("AUTH__ALGORITHM", "HS512"),
        ("AUTH__ALGORITHM", "RS256,ES256"),
        ("AUTH__ACCEPTED_SECRETS", "a" * 32 + ",short"),
        ("AUTH__ACCEPTED_SECRETS", "a" * 32 + ","),
        ("AUTH__JWKS_FILE", "/nowhere.json"),
        ("AUTH__JWKS_URL", "https://accounts/keys.json"),
        ("AUTH__JWKS_URL", "ftp://accounts/keys.json"),
        ("AUTH__JWKS_URL", "https://me:secret@accounts/keys.json"),
        ("AUTH__JWKS_URL", "https://accounts/keys.json#one"),
        ("AUTH__JWKS_MAX_AGE_SECONDS", "0"),
        ("AUTH__JWKS_PATIENCE_SECONDS", "-1"),
        ("SIGNING__ACCEPTED_KEYS", "short"),
        ("SIGNING__ACCEPTED_KEYS", "a" * 32 + ",,"),
        ("RULES__MIN_LEAD_MINUTES", "-1"),
        ("RULES__MAX_DAYS_AHEAD", "1e9"),
        ("RULES__CONFIRMATION_MINUTES", "1e400"),
        ("RULES__CONFLICT_SCOPE__HOTEL", "room"),
        ("RULES__REFUND__HOTEL", "48:100"),
        ("RULES__REFUND__HOTEL", "48h:101"),
        ("RULES__REFUND__HOTEL", "1d:100,24h:50"),
        ("RULES__REFUND__HOTEL", "48h:100,"),
        ("RULES__REFUND__HOTEL", "9999999999999d:1"),
        ("LOG__LEVEL", "LOUD"),
        ("LOG__FORMAT", "xml"),
        ("LOG__SAMPLE_SUCCESSES", "1.5"),
        ("METRICS__PORT", "70000"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(
    settings: LoadWith, name: str, value: str
) -> None:
    (line,) = settings.refused(**{name: value})
    assert line.startswith(f"BOOKING_{name} is wrong: expected ")


def test_each_wrong_variable_has_its_own_line(settings: LoadWith) -> None:
    lines = settings.refused(
        DATABASE__URL="x",
        KAFKA__DELIVERY="maybe",
        RULES__MIN_LEAD_MINUTES="soon",
        AUTH__SECRET=None,
    )
    assert [line.split()[0] for line in lines] == [
        "BOOKING_KAFKA__DELIVERY",
        "BOOKING_DATABASE__URL",
        "BOOKING_RULES__MIN_LEAD_MINUTES",
        "BOOKING_AUTH__SECRET",
    ]


def test_sasl_needs_a_user_and_a_password(settings: LoadWith) -> None:
    lines = settings.refused(KAFKA__SECURITY_PROTOCOL="SASL_SSL")
    assert [line.split()[0] for line in lines] == [
        "BOOKING_KAFKA__SASL_USERNAME",
        "BOOKING_KAFKA__SASL_PASSWORD",
    ]


def test_a_file_that_is_no_text_is_refused(settings: LoadWith) -> None:
    Path(".env").write_bytes(b"BOOKING_LOG__LEVEL=\xff\xfe")
    assert settings.refused() == [".env is wrong: expected a file of UTF-8 text that can be read"]
