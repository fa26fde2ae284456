"""The demo's topics: the service's five, and one for the replies to the demo's own client."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import create_topics, planned_topics


def reply_topic(settings: KafkaSettings) -> str:
    """Each client service has its own; the name continues that of the default one."""
    return f"{settings.topic_prefix}.replies.demo"


async def make_demo_topics(settings: KafkaSettings) -> None:
    """Raises KafkaError."""
    await create_topics(settings)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(reply_topic(settings), 1, 1)])
    finally:
        await admin.close()


async def delete_demo_topics(settings: KafkaSettings) -> None:
    """Leave somebody else's Kafka as it was. Raises KafkaError."""
    names = [plan.name for plan in planned_topics(settings.topic_prefix)]
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        await admin.delete_topics([*names, reply_topic(settings)])
    finally:
        await admin.close()
