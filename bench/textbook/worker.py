"""Consumes, answers and publishes: `python -m bench.textbook.worker JOB`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
import msgspec
import uvloop
from faststream import AckPolicy, FastStream, Header
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bench.textbook.creating import create_booking
from bench.textbook.messages import CreateBooking, Refused
from bench.textbook.partners import Partners
from bench.textbook.tables import Base, Booking, Key


class Job(msgspec.Struct, frozen=True):
    """What it is told."""

    bootstrap_servers: str
    prefix: str
    database_url: str
    partner_urls: Mapping[str, str]
    secret: str


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
