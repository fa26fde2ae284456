"""What can be set, what is refused, and that no secret ever shows."""

from __future__ import annotations

import re
import traceback
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import CacheSettings, Settings, SettingsError, load, read
from app.settings.documentation import settings_page
from app.settings.kafka import KafkaSection
from app.settings.reading import ALL
from app.wiring import limits_of
from domain.booking import VenueType
from domain.limits import NO_LIMITS, OperationClass
from domain.principal import Admin, Business, Guest
from domain.retention import Keeping, Period
from domain.rules import ConflictScope, RefundStep

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


@pytest.fixture(autouse=True)
def an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine and no `.env` of the project may decide a test."""
    import os

    for name in [name for name in os.environ if name.upper().startswith("BOOKING_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> LoadWith:
    return LoadWith(monkeypatch)


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


# --- what is read ---


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


def test_a_partner_may_be_at_several_addresses(settings: LoadWith) -> None:
    loaded = settings(
        INVENTORY__URL="http://one:8080, http://[::1]:8081/base,", INVENTORY__RESOLVE_SECONDS="0"
    )
    assert loaded.inventory.urls == ("http://one:8080", "http://[::1]:8081/base")
    assert loaded.inventory.resolve_seconds == 0
    assert loaded.payment.urls == ("https://payment/base",)
    assert loaded.payment.resolve_seconds == 30


def test_the_examples_of_the_page_on_partners_can_be_set(settings: LoadWith) -> None:
    page = (Path(__file__).parents[2] / "docs" / "partners.md").read_text(encoding="utf-8")
    shown = re.findall(r'{name: BOOKING_(\w+), value: "(.*)"}', page)
    shown += re.findall(r"^BOOKING_(\w+)=(.*)$", page, re.MULTILINE)
    assert len(shown) >= 6
    for name, value in shown:
        settings(**{name: value})


def test_durations_may_be_decimal(settings: LoadWith) -> None:
    rules = settings(
        RULES__MIN_LEAD_MINUTES="0",
        RULES__MAX_DAYS_AHEAD="1.5",
        RULES__CONFIRMATION_MINUTES="0.05",
        RULES__IDEMPOTENCY_HOURS="0.5",
        RULES__NO_SHOW_GRACE_MINUTES="0.5",
        RULES__CHECK_IN_EARLY_MINUTES="1",
        RULES__UNDO_PATIENCE_MINUTES="0.5",
    ).rules
    assert rules.min_lead == timedelta(0)
    assert rules.max_ahead == timedelta(hours=36)
    assert rules.confirmation_window == timedelta(seconds=3)
    assert rules.idempotency_window == timedelta(minutes=30)
    assert rules.no_show_grace == timedelta(seconds=30)
    assert rules.check_in_early == timedelta(minutes=1)
    assert rules.undo_patience == timedelta(seconds=30)


def test_rules_may_differ_by_venue_type(settings: LoadWith) -> None:
    rules = settings(
        RULES__CONFLICT_SCOPE__CAFE="inventory",
        RULES__REFUND__HOTEL="24h:50, 2d:100,90m:12.5",
        PRICING__FALLBACK__RESTAURANT="40",
        PRICING__FALLBACK__CAFE="12.50",
        PRICING__FALLBACK_CURRENCY="JPY",
    ).rules
    assert rules.scope(VenueType.CAFE) is ConflictScope.INVENTORY
    assert rules.scope(VenueType.HOTEL) is ConflictScope.UNIT
    assert rules.refund == {
        VenueType.HOTEL: (
            RefundStep(timedelta(days=2), Decimal(100)),
            RefundStep(timedelta(hours=24), Decimal(50)),
            RefundStep(timedelta(minutes=90), Decimal("12.5")),
        )
    }
    assert rules.fallback.per_person == {
        VenueType.RESTAURANT: Decimal(40),
        VenueType.CAFE: Decimal("12.50"),
    }
    assert (rules.fallback.currency, rules.fallback.is_allowed) == ("JPY", True)


def test_limits_differ_by_role_and_class(settings: LoadWith) -> None:
    limits = settings(
        LIMITS__WINDOW_SECONDS="10",
        LIMITS__GUEST__CREATE="3",
        LIMITS__GUEST__READ="unlimited",
        **{f"LIMITS__ADMIN__{each.name}": "unlimited" for each in OperationClass},
    ).limits
    assert limits.window == timedelta(seconds=10)
    assert limits.allowed[Guest] == {
        OperationClass.CREATE: 3,
        OperationClass.CHANGE: 120,
        OperationClass.AVAILABILITY: 300,
    }
    assert Business in limits.allowed
    assert Admin not in limits.allowed


def test_nobody_is_limited_where_limits_or_authentication_are_off(settings: LoadWith) -> None:
    assert settings().limits.allowed.keys() == {Guest, Business, Admin}
    assert limits_of(settings(LIMITS__MODE="off")) == NO_LIMITS
    assert limits_of(settings(LIMITS__MODE="on")) == settings().limits
    assert limits_of(settings(AUTH__MODE="off")) == NO_LIMITS


def test_what_grows_is_kept_for_days_or_for_ever(settings: LoadWith) -> None:
    day = timedelta(days=1)
    assert settings().keeping == Keeping(90 * day, None, Period.MONTH)
    changed = settings(
        RETENTION__COMMANDS_DAYS="0", RETENTION__BOOKINGS_DAYS="700", RETENTION__PARTITION="day"
    )
    assert changed.keeping == Keeping(None, 700 * day, Period.DAY)
    window = settings().rules.idempotency_window
    assert settings(RETENTION__COMMANDS_DAYS="1").keeping.commands == window + day
    for name, value in (("COMMANDS_DAYS", "-1"), ("BOOKINGS_DAYS", "1.5"), ("PARTITION", "week")):
        with pytest.raises(SettingsError, match=f"BOOKING_RETENTION__{name} is wrong"):
            settings(**{f"RETENTION__{name}": value})


def test_no_price_is_made_up_where_pricing_may_only_be_rejected(settings: LoadWith) -> None:
    assert not settings(PRICING__WHEN_UNAVAILABLE="reject").rules.fallback.is_allowed


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


# --- what is refused ---


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


def test_at_least_once_is_the_other_delivery(settings: LoadWith) -> None:
    assert settings().kafka.delivery == "exactly_once"
    assert settings(KAFKA__DELIVERY="at_least_once").kafka.delivery == "at_least_once"


def test_sasl_needs_a_user_and_a_password(settings: LoadWith) -> None:
    lines = settings.refused(KAFKA__SECURITY_PROTOCOL="SASL_SSL")
    assert [line.split()[0] for line in lines] == [
        "BOOKING_KAFKA__SASL_USERNAME",
        "BOOKING_KAFKA__SASL_PASSWORD",
    ]


def test_a_file_that_is_no_text_is_refused(settings: LoadWith) -> None:
    Path(".env").write_bytes(b"BOOKING_LOG__LEVEL=\xff\xfe")
    assert settings.refused() == [".env is wrong: expected a file of UTF-8 text that can be read"]


# --- production ---


def in_production(**changes: str | None) -> dict[str, str | None]:
    named: dict[str, str | None] = {
        name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()
    }
    return named | changes


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


# --- misspelt ---


@pytest.mark.parametrize(
    ("misspelt", "nearest"),
    [
        ("KAFKA__BOOTSTRAP", "KAFKA__BOOTSTRAP_SERVERS"),
        ("DATABASE_URL", "DATABASE__URL"),
        ("RULES__REFUND__CAFFE", "RULES__REFUND__CAFE"),
    ],
)
def test_a_misspelt_name_gets_a_warning_with_the_nearest_one(
    settings: LoadWith, misspelt: str, nearest: str
) -> None:
    expected = f"BOOKING_{misspelt} is not a setting and is ignored; the nearest one is"
    assert f"{expected} BOOKING_{nearest}" in settings(**{misspelt: "x"}).notices


def test_a_misspelt_name_in_the_file_gets_a_warning_too(settings: LoadWith) -> None:
    Path(".env").write_text("BOOKING_LOG_LEVEL=DEBUG\n")
    assert any(said.startswith("BOOKING_LOG_LEVEL ") for said in settings().notices)


def test_variables_of_the_tests_are_left_alone(settings: LoadWith) -> None:
    loaded = settings(TEST_KAFKA="localhost:9092", **in_production())
    assert loaded.notices == ()


# --- secrets ---

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


# --- the replica ---


def test_a_replica_shares_the_password_and_has_a_url_of_its_own(settings: LoadWith) -> None:
    loaded = settings(
        DATABASE__URL="postgresql+asyncpg://booking@db/booking",
        DATABASE__PASSWORD="p:w",
        DATABASE__REPLICA_URL="postgresql+asyncpg://reader@standby/booking",
        DATABASE__REPLICA_LAG_SECONDS="2.5",
    ).database
    assert loaded.url == "postgresql+asyncpg://booking:p%3Aw@db/booking"
    assert loaded.replica_url == "postgresql+asyncpg://reader:p%3Aw@standby/booking"
    assert loaded.replica_lag_seconds == 2.5


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE__REPLICA_URL": "sqlite+aiosqlite:///here.db"},
        {"DATABASE__REPLICA_URL": "postgresql+asyncpg://b@db/b?sslmode=maybe"},
        {"DATABASE__REPLICA_URL": "mysql://db/booking"},
        {
            "DATABASE__URL": "sqlite+aiosqlite:///here.db",
            "DATABASE__REPLICA_URL": "postgresql+asyncpg://b@db/b",
        },
        {
            "DATABASE__URL": "postgresql+asyncpg://booking@db/booking",
            "DATABASE__PASSWORD": "pw",
            "DATABASE__REPLICA_URL": "postgresql+asyncpg://me:other@standby/booking",
        },
    ],
)
def test_a_replica_that_cannot_be_one_is_refused(
    settings: LoadWith, changes: dict[str, str]
) -> None:
    (problem,) = settings.refused(**changes)
    assert problem.startswith("BOOKING_DATABASE__REPLICA_URL is wrong: expected ")


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_a_replica_may_be_some_time_behind(settings: LoadWith, value: str) -> None:
    (problem,) = settings.refused(DATABASE__REPLICA_LAG_SECONDS=value)
    assert problem.startswith("BOOKING_DATABASE__REPLICA_LAG_SECONDS is wrong")


def test_a_replica_in_production_is_to_be_who_it_says(settings: LoadWith) -> None:
    named = {name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()}
    replica = "postgresql+asyncpg://booking:pw@standby/booking"
    loaded = settings(**named, DATABASE__REPLICA_URL=replica)
    assert any("REPLICA_URL asks for sslmode=prefer" in notice for notice in loaded.notices)


# --- short memories ---


def test_queries_remember_nothing_unless_they_are_told_to(settings: LoadWith) -> None:
    assert settings().cache == CacheSettings(0.0, 0.0)
    assert not settings().cache.hears_events


def test_a_memory_needs_the_events(settings: LoadWith) -> None:
    assert settings(CACHE__AVAILABILITY_SECONDS="2.5").cache == CacheSettings(2.5, 0.0)
    assert settings(CACHE__AVAILABILITY_SECONDS="2.5").cache.hears_events
    assert settings(CACHE__REFERENCE_SECONDS="60").cache.hears_events


@pytest.mark.parametrize("name", ["AVAILABILITY", "REFERENCE"])
@pytest.mark.parametrize("value", ["-1", "60.1", "inf", "nan", "long"])
def test_a_memory_is_short(settings: LoadWith, name: str, value: str) -> None:
    (problem,) = settings.refused(**{f"CACHE__{name}_SECONDS": value})
    assert problem.startswith(f"BOOKING_CACHE__{name}_SECONDS is wrong: expected a number of")


# --- documentation ---


def test_the_page_and_the_code_are_in_step() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page()
