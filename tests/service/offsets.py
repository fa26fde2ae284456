"""The group's offsets, set by hand, as an operator may do it while nobody works."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.service.client import Sent
from tests.service.house import House


async def skip(house: House, sent: Sent) -> None:
    """Set the offset of the empty group behind what was sent."""
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        bootstrap_servers=house.bootstrap_servers, group_id=house.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        source = TopicPartition(sent.topic, sent.partition)
        consumer.assign([source])
        await consumer.commit({source: OffsetAndMetadata(sent.offset + 1, "")})
    finally:
        await consumer.stop()
