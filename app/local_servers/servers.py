"""What a local Kafka and a local PostgreSQL can do, and the way to get one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from app.local_servers import containers, embedded_kafka, embedded_postgres, named
from app.local_servers.database_names import database_created, database_dropped
from app.local_servers.offers import Offer, first_taken

Progress = Callable[[str], None]
"""Takes one line of plain text, meant for a person who waits; called from any thread."""


class Machinery(Protocol):
    """What stands behind a server: a guarded process, a container, or somebody else's server."""

    def start(self) -> None:
        """Start on the same data and the same port; returns when it serves."""

    def stop(self) -> None:
        """Shut down in good order."""

    def kill(self) -> None:
        """End it at once, as a power cut of the process would (SIGKILL)."""


@dataclass(frozen=True, slots=True)
class _Server:
    machinery: Machinery

    def start(self) -> None:
        """Start on the same data and the same port; returns when it serves."""
        self.machinery.start()

    def stop(self) -> None:
        """Shut down in good order; the data stays."""
        self.machinery.stop()

    def kill(self) -> None:
        """SIGKILL; the data stays."""
        self.machinery.kill()

    def restart(self) -> None:
        """Stop, then start on the same data and the same port."""
        self.machinery.stop()
        self.machinery.start()


@dataclass(frozen=True, slots=True)
class KafkaServer(_Server):
    """A Kafka broker of one node; topics are never created by a mere mention."""

    bootstrap_servers: str


@dataclass(frozen=True, slots=True)
class PostgresServer(_Server):
    """A PostgreSQL server; `url` is a superuser's, as `postgresql+asyncpg://…`.

    An embedded one runs without fsync: a SIGKILL loses nothing, a power cut would.
    """

    url: str

    async def create_database(self, name: str, template: str = "template0") -> str:
        """The URL of a new database, a copy of `template`."""
        return await database_created(self.url, name, template)

    async def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        await database_dropped(self.url, name)


@dataclass(frozen=True, slots=True)
class LocalServers:
    """Both, running."""

    kafka: KafkaServer
    postgres: PostgresServer


@contextmanager
def kafka_server(progress: Progress) -> Iterator[KafkaServer]:
    """A running Kafka until the block ends. Raises ServerUnavailable, all tries told."""
    offers: tuple[Offer[tuple[str, Machinery]], ...] = (
        named.kafka,
        containers.kafka,
        embedded_kafka.kafka,
    )
    with first_taken("Kafka", offers, progress) as (bootstrap_servers, machinery):
        yield KafkaServer(machinery, bootstrap_servers)


@contextmanager
def postgres_server(progress: Progress) -> Iterator[PostgresServer]:
    """A running PostgreSQL until the block ends. Raises ServerUnavailable, all tries told."""
    offers: tuple[Offer[tuple[str, Machinery]], ...] = (
        named.postgres,
        containers.postgres,
        embedded_postgres.postgres,
    )
    with first_taken("PostgreSQL", offers, progress) as (url, machinery):
        yield PostgresServer(machinery, url)


@contextmanager
def local_servers(progress: Progress) -> Iterator[LocalServers]:
    """Both, started side by side, until the block ends."""
    with ExitStack() as running:
        with ThreadPoolExecutor(2) as starting:
            kafka = starting.submit(running.enter_context, kafka_server(progress))
            postgres = starting.submit(running.enter_context, postgres_server(progress))
        yield LocalServers(kafka.result(), postgres.result())
