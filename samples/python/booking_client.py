"""Commands to the booking service, each with its reply."""

import asyncio
import json
from typing import Any, Self
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

PATIENCE_SECONDS = 10
TRIES = 3


class Refused(Exception):
    """The service said no, and sending the same again would not help."""


class BookingClient:
    """Publishes commands and finds their replies by correlation id; one for a whole process."""

    def __init__(self, servers: str, prefix: str, reply_topic: str) -> None:
        self._commands = f"{prefix}.commands"
        self._reply_topic = reply_topic
        self._waiting: dict[bytes, asyncio.Future[Any]] = {}
        self._producer = AIOKafkaProducer(
            bootstrap_servers=servers, acks="all", enable_idempotence=True
        )
        # Without a group: every process reads all replies from now on, and takes its own.
        self._replies = AIOKafkaConsumer(
            reply_topic,
            bootstrap_servers=servers,
            isolation_level="read_committed",
            auto_offset_reset="latest",
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        await self._replies.start()
        await self._replies.seek_to_end()  # before anything is sent
        self._reading = asyncio.create_task(self._read_replies())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._replies.stop()
        await self._producer.stop()

    # --8<-- [start:create]
    async def create_booking(self, wish: dict, token: str, idempotency_key: str) -> dict:
        """The booking. Raises Refused, or TimeoutError when nobody answers in time."""
        for remaining in reversed(range(TRIES)):
            command = {
                "type": "create_booking",
                "command_id": str(uuid4()),  # new with each try
                "idempotency_key": idempotency_key,  # the same: nothing is booked twice
                "data": wish,
            }
            try:
                reply = await self._ask(command, key=wish["venue_id"], token=token)
            except TimeoutError:
                if remaining:
                    continue  # lost or late; the key brings the first answer back
                raise
            error = reply["error"]
            if error is None:
                return reply["data"]
            if not (error["retryable"] and remaining):
                raise Refused(f"{error['code']} ({error['detail']})")
            print(f"{error['code']}: trying again")
            await asyncio.sleep(error.get("retry_after_seconds", 1))
        raise AssertionError("TRIES is at least 1")

    async def _ask(self, command: dict, key: str, token: str) -> dict:
        correlation_id = str(uuid4()).encode()
        answer = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        try:
            await self._producer.send_and_wait(
                self._commands,
                key=key.lower().encode(),
                value=json.dumps(command).encode(),
                headers=[
                    ("authorization", f"Bearer {token}".encode()),
                    ("correlation_id", correlation_id),
                    ("reply_to", self._reply_topic.encode()),
                ],
            )
            return await asyncio.wait_for(answer, PATIENCE_SECONDS)
        finally:
            del self._waiting[correlation_id]

    async def _read_replies(self) -> None:
        async for record in self._replies:
            # Bytes: what others call theirs need not be text.
            answer = self._waiting.get(dict(record.headers).get("correlation_id"))
            if answer is not None and not answer.done():
                answer.set_result(json.loads(record.value))

    # --8<-- [end:create]
