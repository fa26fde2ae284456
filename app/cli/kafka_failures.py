"""What can go wrong between a command and Kafka, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.failures import Failure


@contextmanager
def kafka_failures(servers: str) -> Iterator[None]:
    """What can go wrong between us and Kafka, as a Failure that names the servers."""
    from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError

    try:
        yield
    except (KafkaConnectionError, TimeoutError) as error:
        raise Failure(f"Kafka does not answer at {servers}") from error
    except UnknownTopicOrPartitionError as error:
        raise Failure("the topic does not exist; run `booking topics create`") from error
    except KafkaError as error:
        raise Failure(f"Kafka at {servers} refused: {error}") from error
