"""What is read, from where, and that it reaches the layer that takes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import read
from app.settings.kafka import KafkaSection
from tests.app.settings.loading import LoadWith


def test_what_is_needed_is_enough_in_development(settings: LoadWith) -> None:
    loaded = settings()
    assert loaded.kafka.bootstrap_servers == "kafka:9092"
    assert loaded.database.url == "postgresql+asyncpg://booking:pw@db/booking"
    assert loaded.auth.secret == "s" * 32
    assert loaded.reply_prefixes == ("booking.replies",)
    assert len(loaded.signing_keys[0]) >= 32
    assert len(loaded.seal_keys[0].key) == 32


def test_every_value_reaches_the_layer_that_takes_it(settings: LoadWith) -> None:
    loaded = settings(
        KAFKA__BOOTSTRAP_SERVERS="a:1, b:2",
        KAFKA__GROUP_ID="workers",
        KAFKA__TOPIC_PREFIX="eu.booking",
        KAFKA__MAX_BATCH_RECORDS="50",
        KAFKA__SIDE_BY_SIDE="3",
        KAFKA__SECURITY_PROTOCOL="SASL_PLAINTEXT",
        KAFKA__SASL_MECHANISM="SCRAM-SHA-512",
        KAFKA__SASL_USERNAME="me",
        KAFKA__SASL_PASSWORD="pw",
        KAFKA__SESSION_TIMEOUT_MS="6000",
        DATABASE__URL="sqlite+aiosqlite:///here.db",
        DATABASE__POOL_SIZE="7",
        INVENTORY__TIMEOUT_SECONDS="0.5",
        INVENTORY__ATTEMPTS="1",
        INVENTORY__TOKEN="t",
        INVENTORY__BREAKER_FAILURES="2",
        INVENTORY__BREAKER_RESET_SECONDS="1.5",
        AUTH__ISSUER="accounts",
        AUTH__AUDIENCE="booking",
        REPLIES__ALLOWED_PREFIXES="app.replies, web.replies,",
        HEALTH__FILE="/run/health",
        LOG__LEVEL="DEBUG",
        LOG__FORMAT="console",
        LOG__SAMPLE_SUCCESSES="0.25",
        METRICS__PORT="9464",
        METRICS__HOST="127.0.0.1",
    )
    kafka, inventory = loaded.kafka, loaded.inventory
    assert (kafka.bootstrap_servers, kafka.group_id, kafka.topic_prefix) == (
        "a:1,b:2",
        "workers",
        "eu.booking",
    )
    assert (kafka.max_batch_records, kafka.side_by_side) == (50, 3)
    assert kafka.session_timeout_ms == 6000
    assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")
    assert (kafka.sasl_username, kafka.sasl_password) == ("me", "pw")
    assert (loaded.database.url, loaded.database.pool_size) == ("sqlite+aiosqlite:///here.db", 7)
    assert (inventory.timeout_seconds, inventory.attempts, inventory.token) == (0.5, 1, "t")
    assert (inventory.breaker_failures, inventory.breaker_reset_seconds) == (2, 1.5)
    assert (loaded.auth.issuer, loaded.auth.audience) == ("accounts", "booking")
    assert loaded.reply_prefixes == ("app.replies", "web.replies")
    assert loaded.health_file == Path("/run/health")
    assert (loaded.log.level, loaded.log.format) == ("DEBUG", "console")
    assert loaded.log.sample_successes == 0.25
    assert (loaded.metrics.host, loaded.metrics.port) == ("127.0.0.1", 9464)


def test_at_least_once_is_the_other_delivery(settings: LoadWith) -> None:
    assert settings().kafka.delivery == "exactly_once"
    assert settings(KAFKA__DELIVERY="at_least_once").kafka.delivery == "at_least_once"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg:///booking?host=/run/postgresql",
        "postgresql+asyncpg://me:p/w:d@db.internal:5432/booking",
        "postgresql+asyncpg://me:@[::1]:5432/booking",
        "postgresql+asyncpg://me:pw@db/booking?ssl=verify-full",
        "sqlite+aiosqlite:////tmp/booking.sqlite3",
    ],
)
def test_a_database_may_be_anywhere(settings: LoadWith, url: str) -> None:
    assert settings(DATABASE__URL=url).database.url == url


def test_a_partner_may_be_at_several_addresses(settings: LoadWith) -> None:
    loaded = settings(
        INVENTORY__URL="http://one:8080, http://[::1]:8081/base,", INVENTORY__RESOLVE_SECONDS="0"
    )
    assert loaded.inventory.urls == ("http://one:8080", "http://[::1]:8081/base")
    assert loaded.inventory.resolve_seconds == 0
    assert loaded.payment.urls == ("https://payment/base",)
    assert loaded.payment.resolve_seconds == 30


def test_the_examples_of_the_page_on_partners_can_be_set(settings: LoadWith) -> None:
    page = (Path(__file__).parents[3] / "docs" / "partners.md").read_text(encoding="utf-8")
    shown = re.findall(r'{name: BOOKING_(\w+), value: "(.*)"}', page)
    shown += re.findall(r"^BOOKING_(\w+)=(.*)$", page, re.MULTILINE)
    assert len(shown) >= 6
    for name, value in shown:
        settings(**{name: value})


def test_a_file_is_read_and_the_environment_wins(settings: LoadWith) -> None:
    Path(".env").write_text("BOOKING_LOG__LEVEL=ERROR\nBOOKING_KAFKA__GROUP_ID=from-file\n")
    loaded = settings(LOG__LEVEL="DEBUG")
    assert (loaded.log.level, loaded.kafka.group_id) == ("DEBUG", "from-file")


def test_a_variable_set_to_nothing_counts_as_not_set(settings: LoadWith) -> None:
    assert settings(LOG__LEVEL="", INVENTORY__TOKEN="").log.level == "INFO"
    assert settings(LOG__LEVEL="debug").log.level == "DEBUG"
    assert settings.refused(DATABASE__URL="")[0].startswith("BOOKING_DATABASE__URL is missing")


def test_a_command_that_needs_kafka_alone_asks_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "kafka:9092")
    assert read(KafkaSection)[KafkaSection].value.bootstrap_servers == "kafka:9092"
