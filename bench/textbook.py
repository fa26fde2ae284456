"""The worker that a good team would write in a day: the same create, one message at a time.

FastStream with pydantic models, an ORM session, httpx, at-least-once: the offset is committed once
reply and event are out. It checks the token, the request and its idempotency key, looks for an
overlap under a lock on the venue, makes the same four calls, writes booking, history and key in one
transaction, and publishes afterwards. Nobody's data is sealed, nothing is audited or undone, and a
crash between a call and the commit leaves what was reserved: that is what the difference buys.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import httpx
import jwt
import msgspec
import uvloop
from faststream import AckPolicy, FastStream, Header
from faststream.kafka import KafkaBroker
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from bench.textbook_tables import Base, Booking, History, Key


class Job(msgspec.Struct, frozen=True):
    """What it is told."""

    bootstrap_servers: str
    prefix: str
    database_url: str
    partner_urls: Mapping[str, str]
    secret: str


class Wish(BaseModel):
    """What a guest asks for."""

    model_config = ConfigDict(extra="forbid")

    venue_id: UUID
    venue_type: Literal["hotel", "restaurant", "cafe", "retail"]
    venue_name: str | None = None
    venue_time_zone: str | None = None
    booking_time: AwareDatetime
    duration_minutes: Annotated[int, Field(ge=1)] = 120
    party_size: Annotated[int, Field(ge=1, le=100)]
    inventory_item_id: str | None = None
    guest_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    special_requests: Annotated[str | None, Field(max_length=2000)] = None


class CreateBooking(BaseModel):
    """The message."""

    type: Literal["create_booking"]
    command_id: UUID
    idempotency_key: str | None = None
    data: Wish


class Refused(Exception):
    """What the guest is told instead of a booking."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status


class Partners:
    """The three services over httpx, one client each."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._clients = {
            name: httpx.AsyncClient(base_url=url, timeout=5.0, trust_env=False)
            for name, url in urls.items()
        }

    async def ask(self, partner: str, path: str, key: str, body: Mapping[str, Any]) -> Any:
        answer = await self._clients[partner].post(
            f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key}
        )
        if answer.status_code == 409:
            raise Refused(409, "no_capacity")
        answer.raise_for_status()
        return answer.json()


async def create_booking(
    command: CreateBooking, guest_id: UUID, session: AsyncSession, partners: Partners
) -> Booking:
    """The booking, written but not committed."""
    wish, now = command.data, datetime.now(UTC)
    if wish.booking_time < now + timedelta(minutes=30):
        raise Refused(400, "booking_in_past")
    end = wish.booking_time + timedelta(minutes=wish.duration_minutes)
    venue = str(wish.venue_id)
    await session.execute(text("select pg_advisory_xact_lock(hashtext(:v))"), {"v": venue})
    if await session.scalar(Booking.overlapping(wish, end)):
        raise Refused(409, "slot_unavailable")
    id_, reference = uuid4(), f"BR-{wish.booking_time:%Y%m%d}-{uuid4().hex[:8].upper()}"
    asked = wish.model_dump(
        mode="json",
        include={"venue_id", "venue_type", "booking_time", "party_size", "duration_minutes"},
    )
    item = {"inventory_item_id": wish.inventory_item_id} if wish.inventory_item_id else {}
    capacity, price = await asyncio.gather(
        partners.ask(
            "inventory",
            "inventory/check-availability",
            f"{command.command_id}-check",
            {**asked, **item, "booking_date": f"{wish.booking_time:%Y-%m-%d}"},
        ),
        partners.ask(
            "pricing",
            "pricing/calculate",
            f"{command.command_id}-price",
            {**asked, "guest_id": str(guest_id)},
        ),
    )
    if not capacity["available"]:
        raise Refused(409, "no_capacity")
    named = {"booking_reference": reference, "booking_id": str(id_)}
    held = await partners.ask(
        "inventory",
        "inventory/reserve",
        f"{command.command_id}-reserve",
        {**asked, **item, **named},
    )
    paid = await partners.ask(
        "payment",
        "payments/intents",
        f"{command.command_id}-pay",
        {
            **named,
            "amount": str(price["total_price"]),
            "currency": price["currency"],
            "guest_id": str(guest_id),
        },
    )
    booking = Booking(
        **wish.model_dump(exclude={"inventory_item_id"}),
        id=id_,
        booking_reference=reference,
        guest_id=guest_id,
        end_time=end,
        status="pending",
        version=1,
        base_price=Decimal(str(price["base_price"])),
        tax_amount=Decimal(str(price["tax_amount"])),
        discount_amount=Decimal(str(price["discount_amount"])),
        total_price=Decimal(str(price["total_price"])),
        currency=price["currency"],
        payment_intent_id=paid["payment_intent_id"],
        payment_status=paid["status"],
        inventory_reservation_id=held["reservation_id"],
        inventory_item_id=held.get("inventory_item_id"),
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    history = History(booking_id=id_, version=1, to_status="pending", created_at=now)
    session.add_all([booking, history])
    return booking


def serve(job: Job) -> FastStream:
    """The application."""
    broker = KafkaBroker(job.bootstrap_servers, logger=None, enable_idempotence=True)
    engine = create_async_engine(job.database_url, pool_size=5)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    partners = Partners(job.partner_urls)

    async def tables() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("create schema if not exists textbook"))
            await connection.run_sync(Base.metadata.create_all)

    async def replied(
        command: CreateBooking, guest_id: UUID
    ) -> tuple[dict[str, Any], Booking | None]:
        async with sessions() as session:
            if key := await session.get(Key, (guest_id, command.idempotency_key)):
                return key.reply, None
            booking, error, status = None, None, 201
            try:
                booking = await create_booking(command, guest_id, session, partners)
            except Refused as refused:
                error, status = {"code": str(refused)}, refused.status
            reply = {
                "command_id": str(command.command_id),
                "operation": command.type,
                "status": status,
                "timestamp": datetime.now(UTC).isoformat(),
                "data": booking and booking.as_json(),
                "error": error,
            }
            session.add(Key(guest_id=guest_id, key=command.idempotency_key, reply=reply))
            await session.commit()
            return reply, booking

    @broker.subscriber(
        f"{job.prefix}.commands",
        group_id=f"{job.prefix}-textbook",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def handle(
        command: CreateBooking,
        authorization: Annotated[str, Header()],
        correlation_id: Annotated[str, Header("correlation_id")],
    ) -> None:
        claims = jwt.decode(authorization.removeprefix("Bearer "), job.secret, ["HS256"])
        reply, booking = await replied(command, UUID(claims["sub"]))
        headers = {"correlation_id": correlation_id}
        sending = [
            broker.publish(
                reply, f"{job.prefix}.replies", key=correlation_id.encode(), headers=headers
            )
        ]
        if booking is not None:
            event = {
                "event_id": str(uuid4()),
                "event_type": "booking.created",
                "timestamp": reply["timestamp"],
                "source": "textbook",
                "version": "1.0",
                "payload": booking.as_json(),
            }
            key = str(booking.id).encode()
            sending.append(broker.publish(event, f"{job.prefix}.events", key=key, headers=headers))
        await asyncio.gather(*sending)

    return FastStream(broker, logger=None, on_startup=[tables])


if __name__ == "__main__":
    told = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    sys.stdout.write(f"{os.getpid()}\n")
    uvloop.run(serve(told).run())
