"""TLS for Kafka and PostgreSQL: what is wrong is named, with its file, before anything starts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.settings.loading import PRODUCTION, LoadWith
from tests.servers.certificates import Authority, Pair


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "authority")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.signs("worker")


@pytest.fixture(scope="module")
def locked(authority: Authority) -> Pair:
    return authority.signs("locked", password="open it")


def mtls(authority: Authority, pair: Pair, **changes: str) -> dict[str, str | None]:
    return {
        "KAFKA__SECURITY_PROTOCOL": "SSL",
        "KAFKA__SSL_CAFILE": str(authority.file),
        "KAFKA__SSL_CERTFILE": str(pair.certificate),
        "KAFKA__SSL_KEYFILE": str(pair.key),
        **changes,
    }


def url(**words: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in words.items())
    return f"postgresql+asyncpg://me:pw@db/booking?{query}"


# --- Kafka ---


def test_every_value_of_tls_reaches_kafka(
    settings: LoadWith, authority: Authority, locked: Pair
) -> None:
    kafka = settings(**mtls(authority, locked, KAFKA__SSL_KEY_PASSWORD="open it")).kafka
    assert kafka.tls.check_hostname
    context = kafka.connection()["ssl_context"]
    assert context.check_hostname
    assert [dict(each[0] for each in ca["subject"]) for ca in context.get_ca_certs()] == [
        {"commonName": "authority"}
    ]
    assert context is kafka.connection()["ssl_context"], "files are read once"
    assert "open it" not in repr(kafka)


def test_key_and_certificate_may_share_a_file(
    settings: LoadWith, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_text(pair.both())
    changes = mtls(authority, pair, KAFKA__SSL_CERTFILE=str(both))
    del changes["KAFKA__SSL_KEYFILE"]
    assert settings(**changes).kafka.connection()["ssl_context"]


def test_what_is_wrong_with_a_file_of_kafkas_is_said_with_its_name(
    settings: LoadWith, authority: Authority, pair: Pair, locked: Pair, tmp_path: Path
) -> None:
    expired = authority.signs("expired", valid_for=-timedelta(hours=1))
    nonsense, absent = tmp_path / "nonsense.pem", tmp_path / "absent.pem"
    nonsense.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    cases = [
        ("SSL_CAFILE", nonsense, "holds no certificates in PEM form"),
        ("SSL_CAFILE", absent, "does not exist"),
        ("SSL_CAFILE", tmp_path, "is a directory"),
        ("SSL_CERTFILE", nonsense, "holds no certificate in PEM form"),
        ("SSL_CERTFILE", absent, "does not exist"),
        ("SSL_KEYFILE", absent, "does not exist"),
        ("SSL_KEYFILE", pair.certificate, "holds no private key in PEM form"),
        ("SSL_KEYFILE", authority.signs("other").key, "is not the key of the certificate in "),
    ]
    for name, path, says in cases:
        changes = mtls(authority, pair, **{f"KAFKA__{name}": str(path)})
        (line,) = settings.refused(**changes)
        assert line.startswith(f"BOOKING_KAFKA__{name} is wrong: expected a file ")
        assert f"{path} {says}" in line
    (line,) = settings.refused(**mtls(authority, expired))
    assert line.startswith("BOOKING_KAFKA__SSL_CERTFILE is wrong: expected ")
    assert f"{expired.certificate} expired at " in line


@pytest.mark.parametrize("password", [None, "wrong", "open it"])
def test_the_keys_password_has_to_fit_and_never_shows(
    settings: LoadWith, authority: Authority, pair: Pair, locked: Pair, password: str | None
) -> None:
    says = {
        None: f"{locked.key} is encrypted, and no password is set",
        "wrong": f"{locked.key} does not open with this password",
        "open it": f"{pair.key} is not encrypted, and a password is set",
    }[password]
    changes = mtls(authority, pair if password == "open it" else locked)
    (line,) = settings.refused(**changes, KAFKA__SSL_KEY_PASSWORD=password)
    assert line.startswith("BOOKING_KAFKA__SSL_KEY_PASSWORD is wrong: expected ")
    assert says in line
    assert "open it" not in line


def test_a_key_without_a_certificate_is_told(
    settings: LoadWith, authority: Authority, pair: Pair
) -> None:
    changes = mtls(authority, pair) | {"KAFKA__SSL_CERTFILE": None}
    (line,) = settings.refused(**changes)
    assert line.startswith("BOOKING_KAFKA__SSL_CERTFILE is missing: expected ")


@pytest.mark.parametrize("name", ["SSL_CAFILE", "SSL_CERTFILE", "SASL_USERNAME"])
def test_nobody_believes_to_be_safe_who_sent_everything_in_the_clear(
    settings: LoadWith, authority: Authority, pair: Pair, name: str
) -> None:
    values = {"SSL_CAFILE": authority.file, "SASL_USERNAME": "me"}
    changes: dict[str, str | None] = {f"KAFKA__{name}": str(values.get(name, pair.certificate))}
    if name == "SSL_CERTFILE":
        changes["KAFKA__SSL_KEYFILE"] = str(pair.key)
    (line,) = settings.refused(**changes)
    assert line.startswith("BOOKING_KAFKA__SECURITY_PROTOCOL is wrong: expected S")
    assert name in line


def test_the_brokers_name_is_checked_unless_somebody_says_no_loudly(
    settings: LoadWith, authority: Authority, pair: Pair
) -> None:
    loaded = settings(**mtls(authority, pair, KAFKA__SSL_CHECK_HOSTNAME="false"))
    assert not loaded.kafka.connection()["ssl_context"].check_hostname
    assert any("SSL_CHECK_HOSTNAME is off" in said for said in loaded.notices)
    own = {name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()}
    (line,) = settings.refused(**own)
    assert line == "BOOKING_KAFKA__SSL_CHECK_HOSTNAME is wrong: expected true, in production"


# --- PostgreSQL ---


def test_what_the_url_says_of_tls_is_kept(
    settings: LoadWith, authority: Authority, pair: Pair
) -> None:
    whole = url(
        sslmode="verify-full",
        sslrootcert=authority.file,
        sslcert=pair.certificate,
        sslkey=pair.key,
    )
    assert settings(DATABASE__URL=whole).database.url == whole


def test_what_is_wrong_with_tls_in_the_url_is_said_with_the_file(
    settings: LoadWith, authority: Authority, pair: Pair, locked: Pair, tmp_path: Path
) -> None:
    root, absent = authority.file, tmp_path / "absent.pem"
    full = {"sslmode": "verify-full", "sslrootcert": root}
    cases: list[tuple[dict[str, object], str]] = [
        ({"sslmode": "verify"}, "sslmode to be one of disable, "),
        ({"sslmode": "require", "ssl": "require"}, "ssl only without sslmode"),
        ({"sslmode": "require", "sslrootcert": root}, "sslmode=verify-full, as sslrootcert is set"),
        ({"sslrootcert": root}, "sslmode=verify-full, as sslrootcert is set"),
        ({"sslmode": "verify-ca"}, "an sslrootcert or sslmode=verify-full"),
        (full | {"sslrootcert": absent}, f"{absent} does not exist"),
        (full | {"sslkey": pair.key}, "an sslcert, as its key is set"),
        (
            full | {"sslcert": absent, "sslkey": pair.key},
            f"sslcert to be a file of PEM certificates; {absent} does not",
        ),
        (full | {"sslcert": pair.certificate, "sslkey": root}, f"{root} holds no private key"),
        (full | {"sslcert": locked.certificate, "sslkey": locked.key}, "is encrypted, and no"),
    ]
    for words, says in cases:
        (line,) = settings.refused(DATABASE__URL=url(**words))
        assert line.startswith("BOOKING_DATABASE__URL is wrong: expected "), line
        assert says in line, line


def test_a_password_beside_the_url_needs_a_user_without_one(settings: LoadWith) -> None:
    for wrong in ("postgresql+asyncpg://me:pw@db/x", "postgresql+asyncpg://db/x"):
        (line,) = settings.refused(DATABASE__URL=wrong, DATABASE__PASSWORD="pw")
        assert line.startswith("BOOKING_DATABASE__URL is wrong: expected a user without a password")


def test_production_says_what_is_not_made_sure_of(settings: LoadWith) -> None:
    own = {name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()}
    unsafe: dict[str, str | None] = {
        "KAFKA__SECURITY_PROTOCOL": "PLAINTEXT",
        "KAFKA__SASL_USERNAME": None,
        "DATABASE__URL": "postgresql+asyncpg://me:pw@db/booking",
    }
    said = settings(**{**own, **unsafe}).notices
    assert [line.split()[0] for line in said] == [
        "BOOKING_KAFKA__SECURITY_PROTOCOL",
        "BOOKING_DATABASE__URL",
    ]
