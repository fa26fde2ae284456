"""A producer that fails while nobody waits for it is no bug, and is not reported as one."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerClosed

from adapters.kafka.publishing import TransactionalPublisher
from adapters.kafka.refusals import Refusals
from adapters.kafka.topics import TopicNames
from app.local_servers import KafkaServer
from handlers.ports import Mark
from tests.adapters.kafka.workers import prepared, quick


class EveryTopic:
    """Implements Topics: whatever is asked for is there."""

    def partitions_of(self, topic: str) -> int | None:
        return 12


@pytest.mark.parametrize("transactions", [0, 1], ids=["before the first", "after one"])
async def test_a_failure_that_nobody_waits_for_is_not_reported(
    kafka: KafkaServer, topic_prefix: str, transactions: int
) -> None:
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    names = TopicNames(topic_prefix)
    source = TopicPartition(names.commands, 0)
    publisher = TransactionalPublisher(settings, source, Refusals(names, EveryTopic()))
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    await publisher.start()
    for _ in range(transactions):
        await publisher.publish([], Mark(1, 1))
    publisher._producer._txn_manager.fatal_error(ProducerClosed())
    await publisher.stop()
    del publisher
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []
