"""`booking run` in a forked process, with fail points at its ports."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGKILL, SIGSTOP, Signals
from typing import Any
from unittest.mock import patch

from aiokafka import AIOKafkaConsumer

import app.cli.run
import app.main
import app.sweeping
from adapters.database.database import Database, open_database
from adapters.database.settings import DatabaseSettings
from adapters.kafka import publishing
from adapters.kafka.commands_consumer import CommandsConsumer
from handlers.ports import Record, ServiceKeys
from tests.service.matrix.fail_points import (
    WatchedLanes,
    watched_commit,
    watched_partners,
    watched_producer,
)
from tests.service.matrix.watching import Watch
from tests.service.worker import environment


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker is to live, and where it is to die or to freeze (None: nowhere)."""

    settings: Mapping[str, str]
    log: Path
    trace: Path
    needle: str
    dies_at: str | None = None
    dies_of: str | None = None  # a pattern of partner calls
    freezes_at: str | None = None
    sweep_every_seconds: float = 0.05

    @property
    def blows(self) -> dict[str, Signals]:
        """What the worker does to itself, by boundary."""
        befalls = ((self.dies_at, SIGKILL), (self.freezes_at, SIGSTOP))
        return {name: blow for name, blow in befalls if name is not None}


def live(orders: Orders) -> None:
    """The whole life of the process."""
    log = os.open(orders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    own = environment(orders.settings)
    os.environ.clear()
    os.environ.update(own)
    with fail_points(Watch(orders.needle, orders.blows, orders.trace, orders.dies_of)) as points:
        points.enter_context(
            patch.object(app.sweeping, "SWEEP_EVERY_SECONDS", orders.sweep_every_seconds)
        )
        app.cli.run.run()


def fail_points(watch: Watch) -> ExitStack:
    """Put the wrappers in the places where production builds what they wrap."""

    def opened(settings: DatabaseSettings, keys: ServiceKeys, *more: Any) -> Database:
        database = open_database(settings, keys, *more)
        lanes: Any = WatchedLanes(database.lanes, watch)
        return replace(database, lanes=lanes)

    consume = CommandsConsumer.consume

    async def consume_watched(
        self: CommandsConsumer, consumer: Any, records: Sequence[Record]
    ) -> None:
        with watch.batch(records):
            await consume(self, consumer, records)

    points = ExitStack()
    points.enter_context(patch.object(app.main, "open_database", opened))
    points.enter_context(patch.object(app.main, "HttpPartners", watched_partners(watch)))
    points.enter_context(patch.object(publishing, "AIOKafkaProducer", watched_producer(watch)))
    points.enter_context(patch.object(AIOKafkaConsumer, "commit", watched_commit(watch)))
    points.enter_context(patch.object(CommandsConsumer, "consume", consume_watched))
    return points
