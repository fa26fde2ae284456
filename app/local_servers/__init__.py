"""A real Kafka and a real PostgreSQL on this machine, for the demo, the tests and the benchmark.

Taken from where they can be had, in this order: the servers that the environment names, Docker,
packages that pip installs. All calls block; from a coroutine use `asyncio.to_thread`.
"""

from app.local_servers.offers import ServerUnavailable
from app.local_servers.servers import (
    KafkaServer,
    LocalServers,
    PostgresServer,
    Progress,
    kafka_server,
    local_servers,
    postgres_server,
)

__all__ = [
    "KafkaServer",
    "LocalServers",
    "PostgresServer",
    "Progress",
    "ServerUnavailable",
    "kafka_server",
    "local_servers",
    "postgres_server",
]
