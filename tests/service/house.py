"""A whole service for a module of tests: topics, database, stand-in partners, workers, a client."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from adapters.database.migrations import migrate
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import create_topics, known_everywhere
from app.demo.partners import Partners, partners
from app.local_servers import KafkaServer, PostgresServer
from tests.service.callers import SECRET
from tests.service.client import Client
from tests.service.feed import Feed, feed_of
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

SESSION_SECONDS = 3
_PATIENT = KafkaSettings("", request_timeout_ms=40_000)  # servers may be killed meanwhile
TOPICS = (
    "commands",
    "queries",
    "replies",
    "events",
    "dead-letter",
    "guest-keys",
    "replies.tests",
)


@dataclass
class House:
    """Everything of it, seen from outside."""

    prefix: str
    bootstrap_servers: str
    settings: dict[str, str]
    database: asyncpg.Pool
    partners: Partners
    workers: list[WorkerProcess]
    client: Client
    feed: Feed
    admin: AIOKafkaAdminClient
    logs: Path

    @property
    def group(self) -> str:
        return self.settings["BOOKING_KAFKA__GROUP_ID"]

    def new_worker(self, settings: Mapping[str, str] | None = None) -> WorkerProcess:
        """One more worker, not started."""
        log = self.logs / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess({**self.settings, **(settings or {})}, log)
        self.workers.append(worker)
        return worker

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What the database answers."""
        return [dict(row) for row in await self.database.fetch(sql, *arguments)]

    async def members(self) -> int:
        """How many workers the group counts, once it has agreed who has what; 0 before."""
        try:
            described = await self.admin.describe_consumer_groups([self.group])
        except GroupCoordinatorNotAvailableError:  # a new cluster has none until it is asked
            return 0
        ((_, _, state, _, _, members, *_),) = described[0].groups
        return len(members) if state == "Stable" else 0

    async def has_members(self, count: int) -> None:
        """Returns when so many workers share the partitions."""

        async def agreed() -> bool:
            return await self.members() == count

        await until(agreed)


@asynccontextmanager
async def a_house(
    kafka: KafkaServer,
    postgres: PostgresServer,
    *,
    workers: int = 1,
    settings: Mapping[str, str] | None = None,
    admin_settings: KafkaSettings | None = None,
    let_in: Callable[[dict[str, str]], Awaitable[Mapping[str, str]]] | None = None,
) -> AsyncIterator[House]:
    """A house of its own on shared servers, with its workers started; all gone after the block.

    Where not everybody may do everything, `admin_settings` are the tests' own way into Kafka, and
    `let_in` gives the workers their rights and tells what is to be set differently for them.
    """
    prefix = f"house-{uuid.uuid4().hex[:10]}"
    async with AsyncExitStack() as held:
        name = prefix.replace("-", "_")
        url = await postgres.create_database(name)
        await asyncio.to_thread(migrate, url)
        brokers = kafka.bootstrap_servers
        own = replace(admin_settings or _PATIENT, bootstrap_servers=brokers, topic_prefix=prefix)
        await _create_topics(own)
        standing = await held.enter_async_context(partners())
        pool = asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=0, max_size=3)
        database = await held.enter_async_context(pool)
        topics = [f"{prefix}.{topic}" for topic in TOPICS]
        feed = await held.enter_async_context(
            feed_of(own.connection(), topics, lambda topic: topic.startswith(f"{prefix}.replies"))
        )
        producer = await held.enter_async_context(_producer(own))
        admin = AIOKafkaAdminClient(**own.connection())
        await admin.start()
        held.push_async_callback(admin.close)
        usual = {**_settings(prefix, brokers, url, standing), **(settings or {})}
        changed = await let_in(usual) if let_in else {}
        logs = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="booking-logs-")))
        house = House(
            prefix=prefix,
            bootstrap_servers=brokers,
            settings={**usual, **changed},
            database=database,
            partners=standing,
            workers=[],
            client=Client(producer, feed, prefix, f"{prefix}.replies.tests"),
            feed=feed,
            admin=admin,
            logs=logs,
        )
        try:
            for _ in range(workers):
                house.new_worker().start()
            yield house
        finally:
            for worker in house.workers:
                if worker.lives:
                    worker.kill()


def _settings(prefix: str, brokers: str, url: str, standing: Partners) -> dict[str, str]:
    return {
        "BOOKING_KAFKA__BOOTSTRAP_SERVERS": brokers,
        "BOOKING_KAFKA__TOPIC_PREFIX": prefix,
        "BOOKING_KAFKA__GROUP_ID": f"{prefix}-worker",
        "BOOKING_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1000),
        "BOOKING_DATABASE__URL": url,
        "BOOKING_INVENTORY__URL": standing.inventory_url,
        "BOOKING_PRICING__URL": standing.pricing_url,
        "BOOKING_PAYMENT__URL": standing.payment_url,
        "BOOKING_AUTH__SECRET": SECRET,
        "BOOKING_LOG__FORMAT": "json",
        "BOOKING_RULES__UNDO_PATIENCE_MINUTES": "0.08",  # what lands late here is 3 s late
    }


async def _create_topics(settings: KafkaSettings) -> None:
    await create_topics(settings)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        name = f"{settings.topic_prefix}.replies.tests"
        copies = min(3, len(settings.bootstrap_servers.split(",")))  # as all other topics have
        await admin.create_topics([NewTopic(name, 3, copies)])
        await until(lambda: known_everywhere(admin, {name}))
    finally:
        await admin.close()


@asynccontextmanager
async def _producer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **settings.connection(), acks="all", enable_idempotence=True, max_request_size=4_000_000
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
