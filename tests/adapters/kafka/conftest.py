"""One set of topics per test on the shared Kafka."""

from __future__ import annotations

import pytest

from tests.adapters.kafka.workers import Cluster, prepared, quick


@pytest.fixture
async def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return await prepared(quick(kafka, topic_prefix))
