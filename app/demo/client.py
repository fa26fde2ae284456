"""A client of the service as another team would write it: asks over Kafka, reads what is committed.

It has a reply topic of its own, a correlation id for each message, and the venue's id as key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from time import perf_counter, time_ns
from typing import Any
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaProducer

from adapters.kafka.settings import KafkaSettings
from adapters.kafka.watching import watching
from handlers.ports import Record

_REPLY_WITHIN_SECONDS = 20.0
_QUERIES = ("get_", "list_", "check_")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how long it took from sending to reading."""

    status: int
    data: dict[str, Any] | None
    error: dict[str, Any] | None
    replayed: bool
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """What the service told everybody."""

    type: str
    payload: dict[str, Any]

    @property
    def booking_id(self) -> str:
        return str(self.payload["booking_id"])


@dataclass(frozen=True, slots=True)
class Traced:
    """A message of ours that began a trace, and the span that its reply goes on from."""

    type: str
    trace_id: str
    span_id: str
    began_ns: int
    replied_ns: int
    status: int
    replied_from: str


@dataclass(slots=True)
class Client:
    """Counts what it saw; `on_event` is called for every event as it arrives."""

    producer: AIOKafkaProducer
    prefix: str
    reply_topic: str
    on_event: Callable[[Event], None] = lambda event: None
    sent: int = 0
    milliseconds: list[float] = field(default_factory=list)
    traces: list[Traced] = field(default_factory=list)
    is_traced: bool = False
    events: list[Event] = field(default_factory=list)
    _waiting: dict[str, asyncio.Future[Record]] = field(default_factory=dict)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def ask(
        self, type_: str, data: Mapping[str, Any], venue_id: str, token: str, key: str | None
    ) -> Reply:
        """Send one message and wait for its reply. Raises TimeoutError when none comes."""
        is_query = type_.startswith(_QUERIES)
        correlation_id = str(uuid4())
        message = {"type": type_, "query_id" if is_query else "command_id": uuid4(), "data": data}
        if key is not None:
            message["idempotency_key"] = key
        headers = [
            ("authorization", f"Bearer {token}".encode()),
            ("correlation_id", correlation_id.encode()),
            ("reply_to", self.reply_topic.encode()),
            ("content-type", b"application/json"),
        ]
        trace_id, span_id = token_hex(16), token_hex(8)
        if self.is_traced:
            headers.append(("traceparent", f"00-{trace_id}-{span_id}-01".encode()))
        began_ns = time_ns()
        reply = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        began = perf_counter()
        self.sent += 1
        topic = f"{self.prefix}.{'queries' if is_query else 'commands'}"
        await self.producer.send_and_wait(
            topic, orjson.dumps(message), venue_id.encode(), headers=headers
        )
        async with asyncio.timeout(_REPLY_WITHIN_SECONDS):
            record = await reply
        milliseconds = (perf_counter() - began) * 1000
        self.milliseconds.append(milliseconds)
        body = orjson.loads(record.value or b"")
        replayed = ("replayed", b"true") in record.headers
        if self.is_traced and not replayed:
            on = dict(record.headers).get("traceparent") or b""
            self.traces.append(
                Traced(
                    type_,
                    trace_id,
                    span_id,
                    began_ns,
                    time_ns(),
                    body["status"],
                    on.decode()[36:52],
                )
            )
        return Reply(body["status"], body["data"], body["error"], replayed, milliseconds)

    async def events_of(self, booking_id: str, after: int, wanted: int, within: float) -> list[str]:
        """The types of the booking's events from number `after` on, once `wanted` of them came.

        Fewer when the time is over.
        """

        def types() -> list[str]:
            return [event.type for event in self.events if event.booking_id == booking_id][after:]

        async with self._arrived:
            try:
                async with asyncio.timeout(within):
                    await self._arrived.wait_for(lambda: len(types()) >= wanted)
            except TimeoutError:
                pass
            return types()

    async def read_replies(self, records: AsyncIterable[Record]) -> None:
        """Hand each reply to whoever waits for it."""
        async for record in records:
            correlation_id = dict(record.headers).get("correlation_id") or b""
            waiting = self._waiting.pop(correlation_id.decode(), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(record)

    async def read_events(self, records: AsyncIterable[Record]) -> None:
        """Collect every event; wakes whoever waits for some."""
        async for record in records:
            told = orjson.loads(record.value or b"")
            event = Event(told["event_type"], told["payload"])
            self.events.append(event)
            self.on_event(event)
            async with self._arrived:
                self._arrived.notify_all()


@asynccontextmanager
async def connected(settings: KafkaSettings, reply_topic: str) -> AsyncIterator[Client]:
    """A client that reads replies and events until the block ends."""
    async with AsyncExitStack() as held:
        producer = AIOKafkaProducer(**settings.connection(), acks="all")
        await producer.start()
        held.push_async_callback(producer.stop)
        replies = await held.enter_async_context(watching(settings, reply_topic))
        events = await held.enter_async_context(
            watching(settings, f"{settings.topic_prefix}.events")
        )
        client = Client(producer, settings.topic_prefix, reply_topic)
        reading = (
            asyncio.create_task(client.read_replies(replies)),
            asyncio.create_task(client.read_events(events)),
        )
        try:
            yield client
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
