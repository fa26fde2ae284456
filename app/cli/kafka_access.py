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
def kafka_failures(settings: KafkaSettings) -> Iterator[None]:
    """What can go wrong between us and Kafka, as a Failure that says why."""
    from aiokafka.errors import KafkaConnectionError, KafkaError

    from adapters.kafka.rights_held import missing_right

    servers = settings.bootstrap_servers
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        if missing := missing_right(error):
            raise Failure(missing) from error
        if trouble := _trouble(settings):
            raise Failure(trouble) from error
        if isinstance(error, KafkaConnectionError | TimeoutError):
            raise Failure(f"Kafka does not answer at {servers}") from error
        raise Failure(f"Kafka at {servers} refused: {error}") from error


def _trouble(settings: KafkaSettings) -> str | None:
    """Why no broker lets us in; the client that failed does not tell."""
    from adapters.kafka.admission import trouble_with
    from app.cli.asynchronous import run_quietly

    trouble = run_quietly(trouble_with(settings))
    return str(trouble) if trouble else None
