"""Whoever is not let in, or may not do what it has to, says why in a line and does not start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

import app.main
from adapters.kafka.rights import worker_rights
from adapters.kafka.rights_held import lacking_rights
from app.settings import load
from tests.servers.secured_kafka import PASSWORDS
from tests.servers.secured_postgres import secure
from tests.service.command_line import booking
from tests.service.house import House
from tests.service.secured.conftest import Secured, database_in
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]

PASSWORD = "not the password"
UNNAMED: Final[Mapping[str, str | None]] = {
    "BOOKING_KAFKA__SECURITY_PROTOCOL": "SSL",
    "BOOKING_KAFKA__SASL_USERNAME": None,
    "BOOKING_KAFKA__SASL_PASSWORD": None,
}


@dataclass(frozen=True, slots=True)
class Try:
    """To start a worker in this process, with some settings changed."""

    house: House
    patch: pytest.MonkeyPatch

    async def refused(self, changes: Mapping[str, str | None]) -> str:
        """The line that it says instead."""
        self.set(changes)
        with pytest.raises(app.main.CannotStart) as raised:
            await asyncio.wait_for(app.main.run_worker(load()), 20)
        assert PASSWORD not in str(raised.value)
        return str(raised.value)

    def set(self, changes: Mapping[str, str | None]) -> None:
        self.patch.delenv("BOOKING_HEALTH__FILE", raising=False)
        for name, value in {**self.house.settings, **changes}.items():
            if value is None:
                self.patch.delenv(name, raising=False)
            elif name != "BOOKING_HEALTH__FILE":
                self.patch.setenv(name, value)


@pytest.fixture
def attempt(lasting_house: House, monkeypatch: pytest.MonkeyPatch) -> Try:
    return Try(lasting_house, monkeypatch)


async def test_a_broker_of_an_authority_that_is_not_trusted(attempt: Try, secured: Secured) -> None:
    said = await attempt.refused({"BOOKING_KAFKA__SSL_CAFILE": str(secured.another.file)})
    assert said == (
        f"Kafka at {secured.kafka.scram} shows a certificate that is not to be trusted: unable to"
        f" get local issuer certificate (BOOKING_KAFKA__SSL_CAFILE: {secured.another.file})"
    )


async def test_a_broker_with_the_certificate_of_another_host(
    attempt: Try, secured: Secured
) -> None:
    changes = {"BOOKING_KAFKA__BOOTSTRAP_SERVERS": secured.kafka.elsewhere, **UNNAMED}
    said = await attempt.refused(changes)
    assert said.startswith(f"Kafka at {secured.kafka.elsewhere} shows a certificate that is not to")
    assert "certificate is not valid for '127.0.0.1'" in said


async def test_a_wrong_password_of_kafkas(attempt: Try, secured: Secured) -> None:
    said = await attempt.refused({"BOOKING_KAFKA__SASL_PASSWORD": PASSWORD})
    assert said.startswith(
        f"Kafka at {secured.kafka.scram} does not know the user worker with this password"
    )
    assert "BOOKING_KAFKA__SASL_USERNAME" in said


async def test_no_certificate_where_one_is_wanted(attempt: Try, secured: Secured) -> None:
    changes = {"BOOKING_KAFKA__BOOTSTRAP_SERVERS": secured.kafka.mtls, **UNNAMED}
    said = await attempt.refused(changes)
    assert "wants a client's certificate (BOOKING_KAFKA__SSL_CERTFILE)" in said
    intruder = secured.another.signs("worker")
    said = await attempt.refused(
        changes
        | {
            "BOOKING_KAFKA__SSL_CERTFILE": str(intruder.certificate),
            "BOOKING_KAFKA__SSL_KEYFILE": str(intruder.key),
        }
    )
    assert f"take the certificate of BOOKING_KAFKA__SSL_CERTFILE, {intruder.certificate}: " in said


async def test_a_broker_that_wants_tls_is_waited_for_with_the_reason(
    attempt: Try, secured: Secured, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may as well be starting: nothing tells that apart."""
    plain = {"BOOKING_KAFKA__SECURITY_PROTOCOL": "PLAINTEXT", "BOOKING_KAFKA__SSL_CAFILE": None}
    attempt.set({**UNNAMED, **plain})
    life = asyncio.create_task(app.main.run_worker(load()))
    said = ""

    async def is_told() -> bool:
        nonlocal said
        said += capfd.readouterr().out
        return "is another protocol spoken there?" in said

    await until(is_told, within_seconds=20)
    life.cancel()
    assert await life is None
    assert "BOOKING_KAFKA__SECURITY_PROTOCOL is PLAINTEXT" in said


async def test_a_database_of_an_authority_that_is_not_trusted(
    attempt: Try, secured: Secured
) -> None:
    said = await attempt.refused(database(attempt, secured, sslrootcert=secured.another.file))
    assert said.startswith("the database's certificate is not to be trusted: self-signed cert")
    assert "sslrootcert" in said


async def test_a_database_with_the_certificate_of_another_host(
    attempt: Try, secured: Secured
) -> None:
    postgres = secured.postgres
    await secure(postgres, postgres.authority.signs("elsewhere", ["db.elsewhere.example"]))
    try:
        said = await attempt.refused({})
    finally:
        await secure(postgres, postgres.authority.signs("postgres"))
    assert said.startswith("the database's certificate is not to be trusted: IP address mismatch")


async def test_a_wrong_password_of_the_database(attempt: Try, secured: Secured) -> None:
    url = secured.postgres.url("worker", PASSWORD, database_in(attempt.house.settings))
    said = await attempt.refused({"BOOKING_DATABASE__URL": url})
    assert said.startswith("the database does not let this user in with this password (BOOKING_D")


async def test_a_database_that_is_asked_without_tls(attempt: Try, secured: Secured) -> None:
    words = {"sslmode": "disable", "sslrootcert": None}
    said = await attempt.refused(database(attempt, secured, **words))
    assert said.startswith("the database does not let this user in this way (BOOKING_DATABASE")
    assert "no encryption" in said


async def test_a_role_that_has_to_show_a_certificate_and_has_none(
    attempt: Try, secured: Secured
) -> None:
    url = secured.postgres.url("certified", None, database_in(attempt.house.settings))
    said = await attempt.refused({"BOOKING_DATABASE__URL": url})
    assert "certificate" in said


async def test_every_acl_that_is_missing_is_named_at_once(attempt: Try, secured: Secured) -> None:
    """An operator may do some of it."""
    prefix, group = attempt.house.prefix, attempt.house.group
    said = await attempt.refused(
        {
            name: value
            for name, value in secured.settings("operator", "x").items()
            if "KAFKA" in name
        }
    )
    assert said.splitlines() == [
        *(
            f"Kafka does not allow {right}: an ACL is missing"
            for right in (
                f"Read on topic {prefix}.queries",
                f"Write on topic {prefix}.replies",
                f"Write on topic {prefix}.events",
                f"Write on topic {prefix}.dead-letter",
                f"Read on group {group}",
                f"Read on group {group}-queries",
                f"Write on transactional-id {group}-{prefix}.commands-*",
            )
        ),
        "give this user what `booking topics acls --principal User:NAME` prints",
    ]


async def test_every_grant_that_is_missing_is_named_at_once(attempt: Try, secured: Secured) -> None:
    settings = secured.settings("operator", database_in(attempt.house.settings))
    said = await attempt.refused({"BOOKING_DATABASE__URL": settings["BOOKING_DATABASE__URL"]})
    lines = said.splitlines()
    assert "the database's user lacks insert on bookings" in lines
    assert "the database's user lacks update on undo" in lines
    assert "the database's user lacks select on bookings" not in lines
    assert lines[-1] == "give it what `booking grants --role NAME` prints"


async def test_the_worker_has_what_it_needs_and_the_process_ends_with_one_line(
    attempt: Try, secured: Secured
) -> None:
    attempt.set({})
    settings = load()
    rights = worker_rights(settings.kafka, settings.reply_prefixes)
    assert await lacking_rights(settings.kafka, rights) == []
    wrong = {"BOOKING_KAFKA__SSL_CAFILE": str(secured.another.file)}
    ran = await booking(attempt.house, "run", settings=wrong)
    assert ran.code == 1
    (line,) = [line for line in ran.err.splitlines() if line.startswith("booking: ")]
    assert "is not to be trusted" in line
    assert "Traceback" not in ran.out + ran.err


def database(attempt: Try, secured: Secured, **words: object) -> dict[str, str | None]:
    """The worker's URL with other words after the question mark; None leaves one out."""
    name = database_in(attempt.house.settings)
    url = secured.postgres.url("worker", PASSWORDS["worker"], name, **words)
    return {"BOOKING_DATABASE__URL": url}
