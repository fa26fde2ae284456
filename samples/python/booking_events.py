"""Events of the booking service, each once and in the order of its booking."""

import json
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer


# --8<-- [start:events]
async def booking_events(servers: str, prefix: str, group: str) -> AsyncIterator[dict]:
    """Each event that is new; one is done with when the next is asked for."""
    consumer = AIOKafkaConsumer(
        f"{prefix}.events",
        bootstrap_servers=servers,
        group_id=group,
        isolation_level="read_committed",
        auto_offset_reset="earliest",  # all there ever was: the events are kept for ever
        enable_auto_commit=False,
    )
    seen: set[str] = set()  # in your database, written with what the event changes there
    await consumer.start()
    try:
        async for record in consumer:
            event = json.loads(record.value)
            if event["event_id"] not in seen:
                seen.add(event["event_id"])
                yield event
            await consumer.commit()  # after the work: rather twice than never
    finally:
        await consumer.stop()


# --8<-- [end:events]
