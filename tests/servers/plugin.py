"""Fixtures: `kafka`, `postgres` (one of each per run), `topic_prefix`, `database_url` (per test).

A server that cannot be had fails the tests that need it, and never skips them. With `-n` the
processes of a run share the servers, which the first process starts before the others.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from app.local_servers import KafkaServer, LocalServers, PostgresServer, local_servers, named
from app.local_servers.embedded_kafka import kafka as embedded_kafka
from app.local_servers.embedded_postgres import postgres as embedded_postgres

_SHARED = pytest.StashKey[ExitStack]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Before the processes of a parallel run exist: they find the servers in their environment."""
    shared = config.stash[_SHARED] = ExitStack()
    running = shared.enter_context(local_servers(print))
    os.environ[named.KAFKA] = running.kafka.bootstrap_servers
    os.environ[named.DATABASE] = running.postgres.url


def pytest_unconfigure(config: pytest.Config) -> None:
    if shared := config.stash.get(_SHARED, None):
        shared.close()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[LocalServers]:
    """Both servers, started side by side when a first test asks for either."""
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def progress(line: str) -> None:
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(line)

    with local_servers(progress) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(servers: LocalServers) -> KafkaServer:
    """The Kafka of this run; others use it at the same time."""
    return servers.kafka


@pytest.fixture(scope="session")
def postgres(servers: LocalServers) -> PostgresServer:
    """The PostgreSQL of this run; others use it at the same time."""
    return servers.postgres


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaServer]:
    """An embedded Kafka that nobody else uses, so that it may be killed."""
    with embedded_kafka(print) as (brokers, process):
        yield KafkaServer(process, brokers)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """An embedded PostgreSQL that nobody else uses, so that it may be killed."""
    with embedded_postgres(print) as (url, process):
        yield PostgresServer(process, url)


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topics that no other test uses; the topics are the test's to create."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def database_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """A new, empty database on PostgreSQL, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)
