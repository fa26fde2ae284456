"""What commands do before they use Kafka, and what its failures are called, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.failures import Failure

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings


async def require_topics(settings: KafkaSettings, *names: str) -> None:
    """Raises Failure for a topic that does not exist; clients would wait for it instead."""
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**settings.connection())
    try:
        await admin.start()
        missing = sorted(set(names).difference(await admin.list_topics()))
    finally:
        await admin.close()
    if missing:
        raise Failure(f"{', '.join(missing)}: no such topic; run booking topics create")


@contextmanager
def kafka_failures(servers: str) -> Iterator[None]:
    """What can go wrong between us and Kafka, as a Failure that names the servers."""
    from aiokafka.errors import KafkaConnectionError, KafkaError

    try:
        yield
    except (KafkaConnectionError, TimeoutError) as error:
        raise Failure(f"Kafka does not answer at {servers}") from error
    except KafkaError as error:
        raise Failure(f"Kafka at {servers} refused: {error}") from error
