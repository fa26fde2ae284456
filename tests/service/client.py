"""A client service: publishes commands and queries, and finds the replies by correlation id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from tests.service.callers import Caller
from tests.service.feed import PATIENCE_SECONDS, Feed, Seen

Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as it was published, and the name under which its reply comes; None: it has none."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    correlation_id: bytes | None

    @property
    def message(self) -> dict[str, Any]:
        """The message inside; only for those that are JSON objects."""
        message: dict[str, Any] = json.loads(self.value or b"null")
        return message


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read strictly."""

    record: Seen
    body: dict[str, Any]

    @property
    def status(self) -> int:
        return int(self.body["status"])

    @property
    def data(self) -> dict[str, Any]:
        assert self.body["error"] is None, self.body["error"]
        data: dict[str, Any] = self.body["data"]
        return data

    @property
    def error(self) -> dict[str, Any]:
        assert self.body["error"] is not None, f"expected a refusal, got {self.body['data']}"
        assert self.body["data"] is None
        error: dict[str, Any] = self.body["error"]
        return error

    @property
    def code(self) -> str:
        return str(self.error["code"])

    @property
    def headers(self) -> dict[str, bytes]:
        return dict(self.record.headers)

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("replayed") == b"true"


@dataclass
class Client:
    """One client service with a reply topic of its own."""

    producer: AIOKafkaProducer
    feed: Feed
    prefix: str
    reply_to: str
    sent: list[Sent] = field(default_factory=list)

    async def command(
        self,
        caller: Caller,
        type_: str,
        data: Mapping[str, Any],
        *,
        command_id: str | None = None,
        idempotency_key: str | None = None,
        partition: int | None = None,
        headers: Sequence[Header] = (),
    ) -> Reply:
        """Publish one command, keyed by its venue when it names one, and wait for the reply."""
        sent = await self.send_command(
            caller,
            type_,
            data,
            command_id=command_id,
            idempotency_key=idempotency_key,
            partition=partition,
            headers=headers,
        )
        return await self.reply_to_sent(sent)

    async def send_command(
        self,
        caller: Caller,
        type_: str,
        data: Mapping[str, Any],
        *,
        command_id: str | None = None,
        idempotency_key: str | None = None,
        partition: int | None = None,
        headers: Sequence[Header] = (),
    ) -> Sent:
        """Publish one command and return when Kafka has it."""
        message = {"type": type_, "command_id": command_id or str(uuid4()), "data": data}
        if idempotency_key is not None:
            message["idempotency_key"] = idempotency_key
        key = str(data["venue_id"]).encode() if "venue_id" in data else None
        value = json.dumps(message).encode()
        correlation_id = uuid4().hex.encode()
        return await self.publish(
            "commands",
            value,
            headers=[*self.headers(caller, correlation_id), *headers],
            key=key,
            partition=partition,
            correlation_id=correlation_id,
        )

    async def query(self, caller: Caller, type_: str, data: Mapping[str, Any]) -> Reply:
        """Publish one query and wait for the reply."""
        value = json.dumps({"type": type_, "query_id": str(uuid4()), "data": data}).encode()
        correlation_id = uuid4().hex.encode()
        sent = await self.publish(
            "queries",
            value,
            headers=self.headers(caller, correlation_id),
            correlation_id=correlation_id,
        )
        return await self.reply_to_sent(sent)

    def headers(self, caller: Caller, correlation_id: bytes) -> list[Header]:
        """What every message of this client carries."""
        usual: list[Header] = [
            ("correlation_id", correlation_id),
            ("reply_to", self.reply_to.encode()),
        ]
        if caller.token is None:
            return usual
        return [*usual, ("authorization", f"Bearer {caller.token}".encode())]

    async def publish(
        self,
        name: str,
        value: bytes | None,
        *,
        headers: Sequence[Header] = (),
        key: bytes | None = None,
        partition: int | None = None,
        correlation_id: bytes | None = None,
    ) -> Sent:
        """Publish any bytes; `correlation_id` is what the reply will be keyed by, if one comes."""
        topic = f"{self.prefix}.{name}"
        where = await self.producer.send_and_wait(
            topic, value, key=key, partition=partition, headers=list(headers)
        )
        sent = Sent(topic, where.partition, where.offset, value, correlation_id)
        self.sent.append(sent)
        return sent

    async def reply_to_sent(self, sent: Sent, *, within_seconds: float = PATIENCE_SECONDS) -> Reply:
        """The first reply to what was sent."""
        assert sent.correlation_id is not None, "nobody could tell what it is a reply to"
        correlation_id = sent.correlation_id
        records = await self.feed.until(
            lambda: self.feed.answers_to(correlation_id), within_seconds=within_seconds
        )
        return reply_of(records[0])


def reply_of(record: Seen) -> Reply:
    """The reply in a record of a reply topic."""
    return Reply(record, json.loads(record.value or b"null"))
