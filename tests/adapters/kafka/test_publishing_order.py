"""In which order a transaction is filled: two requests side by side cost a lone create 100 ms."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from adapters.kafka import publishing
from adapters.kafka.publishing import TransactionalPublisher
from adapters.kafka.refusals import Refusals
from adapters.kafka.topics import TopicNames
from app.local_servers import KafkaServer
from handlers.ports import Mark, Output
from tests.adapters.kafka.test_failed_transactions import EveryTopic
from tests.adapters.kafka.workers import prepared, quick
from tests.fakes.sealing import FakeServiceKeys


async def test_the_offset_is_in_the_transaction_before_any_output_is_sent(
    kafka: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Watched(AIOKafkaProducer):  # type: ignore[misc]
        async def send_offsets_to_transaction(self, offsets: Any, group_id: Any) -> None:
            await super().send_offsets_to_transaction(offsets, group_id)
            seen.append("offset")

        async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
            seen.append("output")
            return await super().send_batch(batch, topic, partition=partition)

    monkeypatch.setattr(publishing, "AIOKafkaProducer", Watched)
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    names = TopicNames(topic_prefix)
    publisher = TransactionalPublisher(
        settings,
        TopicPartition(names.commands, 0),
        Refusals(names, EveryTopic(), FakeServiceKeys()),
    )
    await publisher.start()
    try:
        outputs = [Output(names.replies, b"a", b"{}", ()), Output(names.events, b"b", b"{}", ())]
        await publisher.publish(outputs, Mark(1, 1))
    finally:
        await publisher.stop()
    assert seen == ["offset", "output", "output"]
