"""A producer that fails while nobody waits for it is no bug, and is not reported as one."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NodeNotReadyError, ProducerClosed
from aiokafka.producer.sender import SendProduceReqHandler

from adapters.kafka import publishing
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.publishing import BrokerPublisher, TransactionalPublisher
from adapters.kafka.refusals import Refusals
from adapters.kafka.sending import send
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import TopicNames
from app.local_servers import KafkaServer
from handlers.ports import Mark, Output
from tests.adapters.kafka.workers import prepared, quick
from tests.fakes.sealing import FakeServiceKeys


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
    publisher = TransactionalPublisher(
        settings, source, Refusals(names, EveryTopic(), FakeServiceKeys())
    )
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    await publisher.start()
    for _ in range(transactions):
        await publisher.publish([], Mark(1, 1))
    publisher._producer._txn_manager.fatal_error(ProducerClosed())
    await publisher.stop()
    del publisher
    await nothing_is(reported)


async def test_nor_is_that_of_a_producer_without_transactions(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    publisher = BrokerPublisher(settings)
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    producer = await publisher._started()
    producer._txn_manager.fatal_error(ProducerClosed())
    await publisher.stop()
    del producer, publisher
    await nothing_is(reported)


async def test_a_producer_that_is_left_while_it_looks_for_its_coordinator_leaves_no_task_behind(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    """One that is collected in the end is reported as an error."""
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    names = TopicNames(topic_prefix)
    source = TopicPartition(names.commands, 0)
    refusals = Refusals(names, EveryTopic(), FakeServiceKeys())
    publisher = TransactionalPublisher(settings, source, refusals)
    await publisher.start()
    producer = publisher._producer
    await producer.partitions_for(names.events)
    looks = asyncio.Event()

    async def away(*_: object) -> int:
        looks.set()
        raise NodeNotReadyError

    producer.client.coordinator_lookup = away
    producer.client._metadata_update = lambda *_: asyncio.Event().wait()
    producer._sender._coordinators.clear()
    outputs = [Output(names.events, None, b"", ())]
    publishing = asyncio.create_task(publisher.publish(outputs, Mark(1, 1)))
    await looks.wait()
    publishing.cancel()
    await asyncio.wait([publishing])
    await publisher.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nor_is_a_batch_to_be_sent_again_when_all_has_failed_meanwhile(
    kafka: KafkaServer,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While aiokafka waits before the second try, its batch has failed, and it is lost track of."""
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    caplog.set_level("CRITICAL", "aiokafka")  # a record that is kept keeps the whole producer
    is_sent, has_failed = asyncio.Event(), asyncio.Event()

    async def lose_track(*_: object) -> None:
        is_sent.set()
        await has_failed.wait()
        raise KeyError("the batch")

    def fail(*_: object, **__: object) -> None:
        has_failed.set()
        raise ProducerClosed

    monkeypatch.setattr(SendProduceReqHandler, "do", lose_track)
    publisher = TransactionalPublisher(
        settings,
        TopicPartition(TopicNames(topic_prefix).commands, 0),
        Refusals(TopicNames(topic_prefix), EveryTopic(), FakeServiceKeys()),
    )
    await publisher.start()
    await publisher._producer.begin_transaction()
    (sent,) = await send(publisher._producer, [an_output(topic_prefix)], None)
    await asyncio.wait_for(is_sent.wait(), 10)
    batches = publisher._producer._message_accumulator
    monkeypatch.setattr(batches, "drain_by_nodes", fail)
    batches._waiter_future.set_result(None)
    await asyncio.wait_for(has_failed.wait(), 10)
    await publisher.stop()
    del sent, publisher, batches
    monkeypatch.undo()
    await nothing_is(reported)


@pytest.mark.parametrize("fate", ["its sender is cancelled", "nobody waits", "sent again"])
async def test_nor_is_a_batch_that_was_given_up_and_never_went_out(
    kafka: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """Kafka is away when a worker is stopped. Whoever waited for the batch has been cancelled, and
    with that aiokafka's own future of it is cut off from the one that we look into.
    """
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    publisher = BrokerPublisher(settings)
    producer = await publisher._started()
    monkeypatch.setattr(producer.client.cluster, "leader_for_partition", lambda _: None)  # away
    monkeypatch.setattr(publishing, "GOODBYE_SECONDS", 0.01)
    (sent,) = await send(producer, [an_output(topic_prefix)], None)
    batches = producer._message_accumulator
    (target,) = batches._batches
    if fate == "its sender is cancelled":
        sent.delivery.cancel()
    if fate == "sent again":
        batches.reenqueue(batches._pop_batch(target))
    await publisher.stop()
    assert list(batches._batches) == [target], "it never went out"
    del sent, producer, publisher, batches
    monkeypatch.undo()
    await nothing_is(reported)


def an_output(topic_prefix: str) -> Output:
    return Output(TopicNames(topic_prefix).events, b"key", b"value", ())


async def nothing_is(reported: list[dict[str, Any]]) -> None:
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []


async def test_a_directory_that_is_closed_still_knows_what_it_knew(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    """The sweeper of a worker that stops may ask it, and must not read as a bug."""
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    directory = TopicDirectory(settings)
    await directory.start(Standstill("a test"))
    await directory.stop()
    assert directory.partitions_of(TopicNames(topic_prefix).commands) == 12
