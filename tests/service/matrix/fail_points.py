"""The ports of a worker with a boundary before and after everything that leaves the process.

What the wrappers do not name goes through as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from adapters.partners import HttpPartners
from domain.effects import PartnerAnswer, PartnerCall
from handlers.ports import LaneDatabase, LaneState, LaneTransaction
from tests.service.matrix.watching import Watch


class WatchedLanes:
    """A LaneDatabase; its transactions are numbered, and named by what was done in them."""

    def __init__(self, lanes: LaneDatabase, watch: Watch) -> None:
        self._lanes = lanes
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lanes, name)

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        self._watch.reach("lane in the database: before")
        state = await self._lanes.open_lane(topic, partition)
        self._watch.reach("lane in the database: opened")
        return state

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AsyncIterator[LaneTransaction]:
        async with self._lanes.transaction(topic, epochs) as transaction:
            told: Any = _Told(transaction)
            yield told
            self._watch.reach(f"transaction {told}: before commit")
        self._watch.reach(f"transaction {told}: after commit")


class _Told:
    """A LaneTransaction that knows what was asked of it."""

    def __init__(self, transaction: LaneTransaction) -> None:
        self._transaction = transaction
        self._asked: dict[str, None] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._transaction, name)
        if callable(found):
            self._asked[name] = None
        return found

    def __str__(self) -> str:
        return f"[{', '.join(self._asked)}]"


def watched_partners(watch: Watch) -> type[HttpPartners]:
    """After a call: the partner has done it, and nobody has heard the answer."""

    class WatchedPartners(HttpPartners):
        async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
            name = type(call).__name__
            watch.reach(f"{name}: before")
            answer = await super().call(call, trace)
            watch.made(call)
            watch.reach(f"{name}: after")
            return answer

    return WatchedPartners


def watched_commit(watch: Watch) -> Callable[..., Awaitable[None]]:
    """The offset on its own, where it is in no transaction."""
    commit = AIOKafkaConsumer.commit

    async def watched(self: AIOKafkaConsumer, offsets: Any = None) -> None:
        watch.reach("publish: before commit")
        await commit(self, offsets)
        watch.reach("publish: committed")

    return watched


def watched_producer(watch: Watch) -> type[AIOKafkaProducer]:
    """Every step of a lane's Kafka transaction; what the sweeper publishes is in no batch."""

    class WatchedProducer(AIOKafkaProducer):  # type: ignore[misc]
        async def start(self) -> None:
            watch.reach("lane in Kafka: before")
            await super().start()
            watch.reach("lane in Kafka: former owner fenced")

        async def begin_transaction(self) -> None:
            watch.reach("publish: before begin")
            await super().begin_transaction()
            watch.reach("publish: begun")

        async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
            delivery = await super().send_batch(batch, topic, partition=partition)
            kind = "replies" if ".replies" in topic else topic.rpartition(".")[2]
            watch.reach(f"publish: {kind} handed over")
            delivery.add_done_callback(lambda _: watch.reach(f"publish: {kind} acknowledged"))
            return delivery

        async def send_offsets_to_transaction(self, offsets: Any, group_id: Any) -> None:
            await super().send_offsets_to_transaction(offsets, group_id)
            watch.reach("publish: offset sent")

        async def commit_transaction(self) -> None:
            watch.reach("publish: before commit")
            await super().commit_transaction()
            watch.reach("publish: committed")

    return WatchedProducer
