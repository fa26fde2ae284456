"""The topics: made once, judged in plain words, and where a key belongs."""

from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.kafka.directory import TopicDirectory
from adapters.kafka.partitioning import home_partition
from adapters.kafka.standstill import Standstill
from adapters.kafka.topics import check_topics, create_topics
from app.local_servers import KafkaServer
from tests.adapters.kafka.workers import Cluster, quick


async def test_topics_that_were_created_have_nothing_wrong(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = quick(kafka.bootstrap_servers, topic_prefix)
    created = await create_topics(settings)
    assert set(created) == {
        f"{topic_prefix}.{name}"
        for name in ("commands", "queries", "replies", "events", "dead-letter", "guest-keys")
    }
    assert await check_topics(settings) == []


async def test_creating_topics_again_changes_nothing(cluster: Cluster) -> None:
    assert await create_topics(cluster.settings) == []


async def test_missing_topics_are_named_with_what_to_run(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    problems = await check_topics(quick(kafka.bootstrap_servers, topic_prefix))
    assert len(problems) == 6
    assert problems[0] == (f"Topic {topic_prefix}.commands is missing. Run: booking topics create")


async def test_commands_whose_time_the_sender_may_choose_are_refused(
    kafka: KafkaServer, topic_prefix: str
) -> None:
    settings = quick(kafka.bootstrap_servers, topic_prefix)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic_prefix}.commands", 12, 1)])
    await admin.close()
    await create_topics(settings)
    (problem,) = await check_topics(settings)
    assert problem.startswith(f"Topic {topic_prefix}.commands lets producers set the timestamp")
    assert "--add-config message.timestamp.type=LogAppendTime" in problem


async def test_the_directory_knows_how_many_partitions_a_topic_has(cluster: Cluster) -> None:
    directory = TopicDirectory(cluster.settings)
    await directory.start(Standstill("test"))
    assert directory.partitions_of(cluster.names.replies) == 12
    assert directory.partitions_of(f"{cluster.names.replies}.nobody") is None
    await directory.stop()


async def test_asking_for_a_topic_never_makes_it(cluster: Cluster) -> None:
    directory = TopicDirectory(cluster.settings)
    await directory.start(Standstill("test"))
    name = f"{cluster.names.replies}.nobody"
    await directory.learn([name])
    assert directory.partitions_of(name) is None
    await directory.stop()


# From Apache Kafka's UtilsTest.testMurmur2: Java's signed results.
JAVA_MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA_MURMUR2)
def test_a_key_belongs_where_the_java_client_puts_it(key: bytes) -> None:
    assert home_partition(key, 12) == (JAVA_MURMUR2[key] & 0x7FFFFFFF) % 12
