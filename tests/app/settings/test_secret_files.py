"""Secrets may come from files, every one of them by the same rule, and none of them ever shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.kafka import KafkaSection
from app.settings.reading import ALL, read
from tests.app.settings.loading import NEEDED, SEAL, LoadWith

CANARY = "canary-canary-canary-canary-canary"
SECRETS = [each.name for section in ALL for each in section.variables() if each.is_secret]
IN_FILES = {
    "BOOKING_SEAL__KEYS": SEAL,
    "BOOKING_AUDIT__KEYS": SEAL,
    "BOOKING_DATABASE__URL": f"postgresql+asyncpg://me:{CANARY}@db/booking",
    "BOOKING_DATABASE__REPLICA_URL": f"postgresql+asyncpg://me:{CANARY}@standby/booking",
}


def a_file(text: str | bytes, name: str = "secret") -> str:
    path = Path(name).absolute()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_these_are_the_secrets() -> None:
    """Each new one gets its file without a line of code."""
    assert {
        "BOOKING_SIGNING__KEY",
        "BOOKING_SEAL__KEYS",
        "BOOKING_AUTH__SECRET",
        "BOOKING_DATABASE__URL",
        "BOOKING_DATABASE__PASSWORD",
        "BOOKING_KAFKA__SASL_PASSWORD",
        "BOOKING_KAFKA__SSL_KEY_PASSWORD",
        "BOOKING_INVENTORY__TOKEN",
        "BOOKING_PRICING__TOKEN",
        "BOOKING_PAYMENT__TOKEN",
    } <= set(SECRETS)


def test_a_secret_in_a_file_is_read_without_its_last_newline(settings: LoadWith) -> None:
    loaded = settings(
        AUTH__SECRET=None,
        AUTH__SECRET_FILE=a_file("s" * 40 + "\n", "auth"),
        SIGNING__KEY_FILE=a_file(" spaces are part of the signing key \r\n", "key"),
        SEAL__KEYS_FILE=a_file(SEAL, "seal"),
        INVENTORY__TOKEN_FILE=a_file("t\n", "token"),
        DATABASE__URL="postgresql+asyncpg://me@db/booking",
        DATABASE__PASSWORD_FILE=a_file("p@ss:w/rd\n", "password"),
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        KAFKA__SASL_USERNAME="me",
        KAFKA__SASL_PASSWORD_FILE=a_file("pw", "sasl"),
    )
    assert loaded.auth.secret == "s" * 40
    assert loaded.signing_keys[0] == b" spaces are part of the signing key "
    assert loaded.seal_keys[0].id == "k1"
    assert loaded.inventory.token == "t"
    assert loaded.database.url == "postgresql+asyncpg://me:p%40ss%3Aw%2Frd@db/booking"
    assert loaded.kafka.sasl_password == "pw"
    assert not [said for said in loaded.notices if "_FILE" in said]


def test_the_file_may_be_named_in_dot_env(settings: LoadWith) -> None:
    Path(".env").write_text(f"BOOKING_AUTH__SECRET_FILE={a_file('s' * 33)}\n")
    assert settings(AUTH__SECRET=None).auth.secret == "s" * 33


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_and_its_file_together_are_refused(settings: LoadWith, name: str) -> None:
    own = name.removeprefix("BOOKING_")
    value = NEEDED.get(name) or IN_FILES.get(name, CANARY)
    lines = settings.refused(**{own: value, f"{own}_FILE": a_file(value)})
    assert f"{name}_FILE is wrong: expected not to be set together with {name}" in lines


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"x" * (4 * 1024 * 1024 + 1), "is larger than 4 MiB"),
    ],
    ids=["missing", "empty", "newline", "bytes", "huge"],
)
def test_a_file_that_holds_no_secret_is_named_once(
    settings: LoadWith, name: str, content: bytes | None, says: str
) -> None:
    own = name.removeprefix("BOOKING_")
    path = str(Path("absent").absolute()) if content is None else a_file(content)
    (line,) = settings.refused(**{own: None, f"{own}_FILE": path})
    assert line == f"{name}_FILE is wrong: expected a file with the secret in it; {path} {says}"


def test_a_directory_is_no_file(settings: LoadWith) -> None:
    path = Path("secrets").absolute()
    path.mkdir()
    (line,) = settings.refused(AUTH__SECRET=None, AUTH__SECRET_FILE=str(path))
    assert line.endswith(f"{path} is a directory")


def test_a_file_that_may_not_be_read_is_named(
    settings: LoadWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_file("secret")

    def refuse(*_: object) -> None:
        raise PermissionError  # root, who runs tests too, may read everything

    monkeypatch.setattr(Path, "open", refuse)
    (line,) = settings.refused(AUTH__SECRET=None, AUTH__SECRET_FILE=path)
    assert line.endswith(f"{path} may not be read by this user")


@pytest.mark.parametrize("secret", [CANARY, f"/{CANARY}", f"{CANARY}/{CANARY}", "canary\0"])
def test_a_secret_that_was_set_as_the_files_name_does_not_show(
    settings: LoadWith, secret: str
) -> None:
    if "\0" in secret:  # only `.env` can hold it
        Path(".env").write_text(f"BOOKING_AUTH__SECRET_FILE={secret}\n")
        (line,) = settings.refused(AUTH__SECRET=None)
    else:
        (line,) = settings.refused(AUTH__SECRET=None, AUTH__SECRET_FILE=secret)
    assert line.startswith("BOOKING_AUTH__SECRET_FILE is wrong: expected a file")
    assert "canary" not in line


@pytest.mark.parametrize(
    ("name", "content"),
    [("SEAL__KEYS", CANARY), ("DATABASE__URL", f"mysql://{CANARY}"), ("SIGNING__KEY", "canary")],
)
def test_wrong_content_is_told_of_the_file_and_does_not_show(
    settings: LoadWith, name: str, content: str
) -> None:
    (line,) = settings.refused(**{name: None, f"{name}_FILE": a_file(content)})
    assert line.startswith(f"BOOKING_{name}_FILE is wrong: expected a file that holds ")
    assert "canary" not in line


def test_what_came_from_files_shows_nowhere(settings: LoadWith) -> None:
    files = {
        f"{name.removeprefix('BOOKING_')}_FILE": a_file(IN_FILES.get(name, CANARY), name)
        for name in SECRETS
        if name not in ("BOOKING_DATABASE__PASSWORD", "BOOKING_KAFKA__SSL_KEY_PASSWORD")
    }
    loaded = settings(
        **dict.fromkeys(["AUTH__SECRET", "DATABASE__URL"]),
        **files,
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        KAFKA__SASL_USERNAME="me",
    )
    shown = f"{loaded!r}{loaded}" + "".join(repr(read(*ALL)[section]) for section in ALL)
    assert "canary" not in shown


def test_only_secrets_have_files(settings: LoadWith) -> None:
    loaded = settings(KAFKA__GROUP_ID_FILE=a_file("workers"))
    assert loaded.kafka.group_id == "booking-worker"
    assert any(said.startswith("BOOKING_KAFKA__GROUP_ID_FILE is not a") for said in loaded.notices)
    assert KafkaSection.prefix == "BOOKING_KAFKA__"
