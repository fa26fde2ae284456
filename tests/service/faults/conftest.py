"""A Kafka for the tests of this folder that put a proxy in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.local_servers import KafkaServer
from app.local_servers.loopback import free_port
from tests.servers.kafka_nodes import kafka_with_another_way_in


@pytest.fixture(scope="module")
def kafka_and_the_way_in() -> Iterator[tuple[KafkaServer, int, int]]:
    """A Kafka, its second port, and where the proxy to that has to stand."""
    through = free_port()
    with kafka_with_another_way_in(through) as (server, port):
        yield server, port, through
