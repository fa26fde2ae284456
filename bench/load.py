"""The creates that are measured: each its own guest, token, idempotency key and slot."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import orjson
from aiokafka import AIOKafkaProducer

from domain.named_ids import timed_id

SLOTS_PER_VENUE = 10
_HOURS_APART = 3  # a table is booked for two


@dataclass(frozen=True, slots=True)
class Message:
    """A record for a topic; its reply will name the id."""

    id: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def creates(count: int, secret: str, *, is_hot: bool = False) -> list[Message]:
    """Restaurant bookings, ten to a venue, one after another there; every second names its table,
    the others leave the choice to inventory. Hot: ten to a table, all at one venue, and all of them
    name it. They are fit to be accepted.
    """
    now = datetime.now(UTC)
    first = now.replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=2)
    made: list[Message] = []
    venue_id = ""
    for number in range(count):
        slot = number % SLOTS_PER_VENUE
        if slot == 0 and not (is_hot and venue_id):
            venue_id = str(uuid4())
        table = f"table-{number // SLOTS_PER_VENUE}" if is_hot else "table-7"
        made.append(
            _create(
                venue_id,
                starts_at=first + timedelta(hours=_HOURS_APART * slot),
                table=table if is_hot or number % 2 else None,
                token=token_of(guest := str(uuid4()), secret),
                guest=guest,
            )
        )
    return made


def timed() -> str:
    """A new id that begins with its time, as publishers are advised (docs/publishing.md)."""
    return str(timed_id(time.time_ns(), os.urandom(10)))


def _create(
    venue_id: str, *, starts_at: datetime, table: str | None, token: str, guest: str
) -> Message:
    command_id = timed()
    wish = {
        "venue_id": venue_id,
        "venue_type": "restaurant",
        "venue_name": "Trattoria Sole",
        "venue_time_zone": "Europe/Rome",
        "booking_time": starts_at.isoformat(),
        "party_size": 4,
        "guest_name": "Ada Rossi",
        "guest_email": f"{guest[:8]}@example.com",
        "guest_phone": "+39 055 123456",
        "special_requests": "A quiet table by the window, please.",
    }
    if table is not None:
        wish["inventory_item_id"] = table
    body = {
        "type": "create_booking",
        "command_id": command_id,
        "idempotency_key": f"order-{command_id[:13]}",
        "data": wish,
    }
    return Message(command_id, venue_id.encode(), orjson.dumps(body), headers_of(command_id, token))


def token_of(subject: str, secret: str, role: str = "guest") -> str:
    """For half a day."""
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "email": f"{subject[:8]}@example.com",
        "role": role,
        "type": "access",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=12)).timestamp()),
    }
    return jwt.encode(claims, secret, "HS256")


def headers_of(id_: str, token: str) -> tuple[tuple[str, bytes], ...]:
    """What a client sends beside the body."""
    return (
        ("authorization", f"Bearer {token}".encode()),
        ("correlation_id", id_.encode()),
        ("content-type", b"application/json"),
    )


async def send_at_once(bootstrap_servers: str, topic: str, load: Sequence[Message]) -> None:
    """In one transaction: consumers that are ready see nothing, and then everything."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        transactional_id=f"bench-load-{uuid4()}",
        transaction_timeout_ms=120_000,
        max_batch_size=256 * 1024,
        linger_ms=5,
    )
    await producer.start()
    try:
        async with producer.transaction():
            sent = [
                await producer.send(topic, each.value, key=each.key, headers=list(each.headers))
                for each in load
            ]
            for delivery in sent:
                await delivery
    finally:
        await producer.stop()
