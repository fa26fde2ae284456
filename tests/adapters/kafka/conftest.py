"""One set of topics per test on the shared Kafka."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer
from tests.adapters.kafka.workers import Cluster, prepared, quick


@pytest.fixture
async def cluster(kafka: KafkaServer, topic_prefix: str) -> Cluster:
    return await prepared(quick(kafka.bootstrap_servers, topic_prefix))
