"""Where one round is run: topics and a database of its own, on servers that all rounds share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import asyncpg

from adapters.database.migrations import migrate
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames, create_topics
from app.local_servers import LocalServers

SECRET = "only-for-the-benchmark-0123456789abcdef"  # noqa: S105 - of tokens that live for its time


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a worker or a floor needs to be told."""

    bootstrap_servers: str
    topics: TopicNames
    database_url: str
    partner_urls: Mapping[str, str]
    log: Path
    delivery: str = "exactly_once"

    @property
    def environment(self) -> dict[str, str]:
        """The worker's settings; what is not here is at its default."""
        return {
            "BOOKING_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "BOOKING_KAFKA__TOPIC_PREFIX": self.topics.prefix,
            "BOOKING_KAFKA__GROUP_ID": f"{self.topics.prefix}-worker",
            "BOOKING_DATABASE__URL": self.database_url,
            **{f"BOOKING_{name.upper()}__URL": url for name, url in self.partner_urls.items()},
            "BOOKING_AUTH__SECRET": SECRET,
            "BOOKING_KAFKA__DELIVERY": self.delivery,
            "BOOKING_LOG__LEVEL": "WARNING",
        }

    def log_tail(self) -> str:
        """The last lines that worker or floor wrote."""
        return "\n".join(self.log.read_text().splitlines()[-20:])

    async def batch_sizes(self, since: datetime) -> Sequence[int]:
        """Of the batches that the worker made: commands that were begun at the same moment."""
        return await self._counts(
            "select count(*) from commands where decided >= $1 group by decided", since
        )

    async def bookings(self, table: str = "bookings") -> int:
        """How many stand in the database."""
        connection = await asyncpg.connect(_plain(self.database_url))
        try:
            if await connection.fetchval("select to_regclass($1) is null", table):
                return 0
            return int(await connection.fetchval(f"select count(*) from {table}"))  # noqa: S608
        finally:
            await connection.close()

    async def log_position(self) -> int:
        """How many bytes PostgreSQL has written to its write-ahead log, whoever made it do so."""
        (position,) = await self._counts("select (pg_current_wal_lsn() - '0/0')::bigint")
        return position

    async def _counts(self, sql: str, *values: object) -> list[int]:
        connection = await asyncpg.connect(_plain(self.database_url))
        try:
            return [row[0] for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()


async def set_up(
    servers: LocalServers, partner_urls: Mapping[str, str], name: str, directory: Path
) -> Stage:
    """New topics, and a new database with all tables."""
    prefix = f"bench-{name}-{uuid4().hex[:6]}"
    topics = TopicNames(prefix)
    await create_topics(KafkaSettings(servers.kafka.bootstrap_servers, topic_prefix=prefix))
    url = await servers.postgres.create_database(prefix.replace("-", "_"))
    await asyncio.to_thread(migrate, url)
    bootstrap = servers.kafka.bootstrap_servers
    return Stage(bootstrap, topics, url, partner_urls, directory / f"{prefix}.log")


async def tear_down(servers: LocalServers, stage: Stage) -> None:
    """Drop the database; the topics go with an embedded Kafka, and elsewhere by their retention."""
    await servers.postgres.drop_database(stage.topics.prefix.replace("-", "_"))


def _plain(url: str) -> str:
    return url.replace("postgresql+asyncpg", "postgresql")
