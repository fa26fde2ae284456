"""Servers that the environment names; they are somebody else's, so never stopped from here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from app.local_servers.loopback import answers
from app.local_servers.offers import NotOffered, ServerUnavailable
from app.local_servers.readiness import kafka_serves

KAFKA = "BOOKING_TEST_KAFKA"
DATABASE = "BOOKING_TEST_DATABASE_URL"


class NotOurs:
    """Refuses to stop or kill what was not started here."""

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def start(self) -> None:
        """Raises ServerUnavailable."""
        raise self._refusal()

    def stop(self) -> None:
        """Raises ServerUnavailable."""
        raise self._refusal()

    def kill(self) -> None:
        """Raises ServerUnavailable."""
        raise self._refusal()

    def _refusal(self) -> ServerUnavailable:
        return ServerUnavailable(
            f"The server named by {self._variable} is not ours to stop: unset it for this"
        )


@contextmanager
def kafka(progress: Callable[[str], None]) -> Iterator[tuple[str, NotOurs]]:
    """The brokers that BOOKING_TEST_KAFKA names."""
    brokers = _asked_for(KAFKA)
    for broker in brokers.split(","):
        host, _, port = broker.rpartition(":")
        if port.isdecimal() and kafka_serves(host, int(port)):
            break
    else:
        raise ServerUnavailable(f"{KAFKA} is set, but no Kafka answers at {brokers}")
    progress(f"Kafka: using {brokers} ({KAFKA})")
    yield brokers, NotOurs(KAFKA)


@contextmanager
def postgres(progress: Callable[[str], None]) -> Iterator[tuple[str, NotOurs]]:
    """The database that BOOKING_TEST_DATABASE_URL names; its user must be able to create more,
    and roles.
    """
    url = _asked_for(DATABASE)
    place = urlsplit(url)
    if place.scheme != "postgresql+asyncpg":
        raise ServerUnavailable(f"{DATABASE} must start with postgresql+asyncpg://")
    host, port = place.hostname or "127.0.0.1", place.port or 5432
    if not answers(host, port):
        raise ServerUnavailable(f"{DATABASE} is set, but nothing answers at {host}:{port}")
    progress(f"PostgreSQL: using {host}:{port} ({DATABASE})")
    yield url, NotOurs(DATABASE)


def _asked_for(variable: str) -> str:
    if value := os.environ.get(variable):
        return value
    raise NotOffered(f"{variable} is not set")
