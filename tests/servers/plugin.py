"""Fixtures: `kafka`, `postgres` (one of each per run), `topic_prefix`, `database_url` (per test).

A server that cannot be had fails the tests that need it, and never skips them.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from app.local_servers import KafkaServer, LocalServers, PostgresServer, local_servers


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
    """The Kafka of this run; a test that kills it starts it again."""
    return servers.kafka


@pytest.fixture(scope="session")
def postgres(servers: LocalServers) -> PostgresServer:
    """The PostgreSQL of this run; a test that kills it starts it again."""
    return servers.postgres


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
