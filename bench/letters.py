"""Makes a dead letter of every command in the topic, as if a bug had ended each: for redriving.

`python -m bench.letters` runs under a worker's settings and prints how many letters it wrote.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

import jwt

from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.reading import reading
from adapters.kafka.topics import TopicNames
from adapters.tokens.service_signature import ServiceSignature
from app.settings import Settings, load
from app.wiring import service_keys
from domain.principal import Guest
from handlers.dead_letter import DeadLetters, Reason
from handlers.ports import Output, Record

_AT_ONCE = 1_000


async def write_letters(settings: Settings) -> int:
    """How many."""
    names = TopicNames(settings.kafka.topic_prefix)
    box = DeadLetters(
        names.dead_letter,
        ServiceSignature(*settings.signing_keys),
        service_keys(settings.seal_keys),
    )
    written, publisher = 0, BrokerPublisher(settings.kafka)
    try:
        async with reading(settings.kafka, names.commands) as topic:
            async for _, _, records in topic.batches():
                for begun in range(0, len(records), _AT_ONCE):
                    some = records[begun : begun + _AT_ONCE]
                    await publisher.publish([_letter(box, each) for each in some])
                    written += len(some)
    finally:
        await publisher.stop()
    return written


def _letter(box: DeadLetters, record: Record) -> Output:
    return box.letter(
        record,
        record.coordinates,
        Reason.BUG,
        "made by the benchmark",
        datetime.now(UTC),
        principal=Guest(_sender(record)),
    )


def _sender(record: Record) -> UUID:
    token = (dict(record.headers)["authorization"] or b"").removeprefix(b"Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})  # the benchmark signed it
    return UUID(claims["sub"])


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(write_letters(load()))}\n")
