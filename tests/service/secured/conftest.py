"""The house of this folder: servers that let nobody in unknown, people with the least rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.servers.acl_lines import carry_out
from tests.servers.certificates import Authority
from tests.servers.secured_kafka import PASSWORDS, SecuredKafka, secured_kafka
from tests.servers.secured_postgres import SecuredPostgres, secure, secured_postgres
from tests.service.command_line import booking_with
from tests.service.house import House, a_house
from tests.service.invariants import check

OWNER: Final = "owner"
_PASSWORD_OF_OWNER: Final = "tables are mine: 100%"  # as a URL cannot hold it


@dataclass(frozen=True, slots=True)
class Secured:
    """Both servers; `another` is an authority that neither of them knows."""

    kafka: SecuredKafka
    postgres: SecuredPostgres
    another: Authority

    def settings(self, user: str, database: str) -> dict[str, str]:
        """How this user is let in by both, by name and password."""
        return {
            "BOOKING_KAFKA__BOOTSTRAP_SERVERS": self.kafka.scram,
            "BOOKING_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "BOOKING_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
            "BOOKING_KAFKA__SASL_USERNAME": user,
            "BOOKING_KAFKA__SASL_PASSWORD": PASSWORDS[user],
            "BOOKING_KAFKA__SSL_CAFILE": str(self.kafka.authority.file),
            "BOOKING_DATABASE__URL": self.postgres.url(user, PASSWORDS[user], database),
        }

    async def let_in(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Do what docs/hardening.md says, for a worker and an operator; the worker's settings."""
        database = database_in(settings)
        for user in ("worker", "operator"):
            acls = ("topics", "acls", "--principal", f"User:{user}", "--for", user)
            grants = ("grants", "--role", user, "--for", user)
            ran = await asyncio.gather(*(booking_with(settings, *each) for each in (acls, grants)))
            assert [each.code for each in ran] == [0, 0], [each.err for each in ran]
            lines = ran[0].out.splitlines()
            if user == "worker":  # by Kafka's own program once, which takes its time
                await asyncio.to_thread(self.kafka.run_acls, lines)
            else:
                await carry_out(self.kafka.as_admin(), lines)
            await as_owner(self, database, ran[1].out)
        return self.settings("worker", database)


async def as_owner(secured: Secured, database: str, sql: str) -> None:
    """Let the owner of the tables do this."""
    url = secured.postgres.url(OWNER, _PASSWORD_OF_OWNER, database)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(sql)
    await connection.close()


def database_in(settings: Mapping[str, str]) -> str:
    """The name of the database that these settings are about."""
    return settings["BOOKING_DATABASE__URL"].partition("?")[0].rpartition("/")[2]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    with ExitStack() as held, ThreadPoolExecutor(2) as starting:
        kafka = starting.submit(held.enter_context, secured_kafka())
        postgres = starting.submit(held.enter_context, secured_postgres())
        another = Authority(tmp_path_factory.mktemp("another"), "another")
        both = Secured(kafka.result(), postgres.result(), another)
        await secure(both.postgres, both.postgres.authority.signs("postgres"))
        await _create_roles(both.postgres)
        yield both


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def lasting_house(
    secured: Secured, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """One worker with its pulse, under exactly the rights that are documented."""
    owned = PostgresServer(
        secured.postgres.server.machinery,
        secured.postgres.url(OWNER, _PASSWORD_OF_OWNER, "postgres"),
    )
    pulse = tmp_path_factory.mktemp("pulse") / "health"
    async with a_house(
        KafkaServer(secured.kafka.process, secured.kafka.scram),
        owned,
        settings={"BOOKING_HEALTH__FILE": str(pulse)},
        admin_settings=secured.kafka.as_admin(),
        let_in=secured.let_in,
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package")
async def house(lasting_house: House) -> AsyncIterator[House]:
    """The house; every invariant is demanded of it after each test."""
    yield lasting_house
    await check(lasting_house)


async def _create_roles(postgres: SecuredPostgres) -> None:
    superuser = await asyncpg.connect(postgres.server.url.replace("+asyncpg", ""))
    await superuser.execute(f"create role {OWNER} login createdb password '{_PASSWORD_OF_OWNER}'")
    for user, password in PASSWORDS.items():
        await superuser.execute(f"create role {user} login password '{password}'")
    await superuser.execute("create role certified login in role worker")
    await superuser.close()
