"""Three Kafka nodes, two of which have to confirm; one after another is killed under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from adapters.kafka.topics import planned_topics
from app.local_servers import KafkaServer, PostgresServer
from tests.servers.kafka_nodes import NODES, KafkaCluster, kafka_cluster
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COMMANDS = 120
GROUP, TRANSACTION = 0, 1  # kinds of coordinators, as Kafka numbers them


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with kafka_cluster() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(cluster: KafkaCluster, postgres: PostgresServer) -> AsyncIterator[House]:
    """Two workers that take small batches, so that a node's death meets several."""
    kafka = KafkaServer(cluster, cluster.bootstrap_servers)
    settings = {"BOOKING_KAFKA__MAX_BATCH_RECORDS": "20"}
    async with a_house(kafka, postgres, workers=2, settings=settings) as running:
        await running.has_members(2)
        yield running


async def send(house: House) -> list[Sent]:
    """Many creates, all at venues of their own and so in all lanes."""
    return await asyncio.gather(
        *(
            house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(COMMANDS)
        )
    )


async def test_a_cluster_keeps_topics_three_times_and_two_nodes_have_to_confirm(
    house: House,
) -> None:
    names = [plan.name for plan in planned_topics(house.prefix)]
    topics = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    confirmed_by = {
        resource[3]: entry[1]
        for answer in await house.admin.describe_configs(topics)
        for resource in answer.resources
        for entry in resource[4]
        if entry[0] == "min.insync.replicas"
    }
    assert confirmed_by == dict.fromkeys(names, "2")
    await until(lambda: all_copies_are_in_step(house))


@pytest.mark.parametrize("kind", [GROUP, TRANSACTION], ids=["group", "transaction"])
async def test_a_killed_coordinator_loses_and_doubles_nothing(
    house: House, cluster: KafkaCluster, kind: int
) -> None:
    lane = f"{house.group}-{house.prefix}.commands-0"
    name = house.group if kind == GROUP else lane
    victim = cluster.nodes[await house.admin.find_coordinator(name, kind) - 1]
    sent = await send(house)
    await house.client.reply_to_sent(sent[0])
    await asyncio.to_thread(victim.kill)
    sent += await send(house)
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}, "two nodes are enough"
    back = asyncio.create_task(asyncio.to_thread(victim.start))
    sent = await send(house)
    await back
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}
    await until(lambda: all_copies_are_in_step(house))
    await check(house)


async def all_copies_are_in_step(house: House) -> bool:
    """Whether the node that was away has caught up with the others in every partition."""
    return all(
        len(partition["isr"]) == NODES
        for topic in await house.admin.describe_topics()
        for partition in topic["partitions"]
    )
