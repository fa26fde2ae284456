"""Servers that nobody else uses: they may be killed, and all that they wrote may be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from app.local_servers import KafkaServer, LocalServers, PostgresServer
from app.local_servers.embedded_kafka import kafka as embedded_kafka
from app.local_servers.embedded_postgres import postgres as embedded_postgres


@contextmanager
def own_servers(progress: Callable[[str], None]) -> Iterator[LocalServers]:
    """Embedded, both, and gone after the block."""
    with ExitStack() as held, ThreadPoolExecutor(2) as starting:
        kafka = starting.submit(held.enter_context, embedded_kafka(progress))
        postgres = starting.submit(held.enter_context, embedded_postgres(progress))
        brokers, broker = kafka.result()
        url, database = postgres.result()
        yield LocalServers(KafkaServer(broker, brokers), PostgresServer(database, url))
