"""A lone create without a worker: a bare Kafka round trip, with as many commits and partner calls.

One record is consumed, so many rows are inserted and committed one after another, the calls are
made round by round, and a reply is produced: no exactly-once, no batch, no logic.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pyreqwest.client import ClientBuilder

from app.cycles import look_for_cycles_among_what_comes
from bench.floor import ask
from bench.prepared import prepared
from bench.recording import Pattern


class Job(msgspec.Struct, frozen=True):
    """What it is told; without commits and patterns it does no more than echo."""

    bootstrap_servers: str
    prefix: str
    database_url: str
    partner_urls: Mapping[str, str]
    patterns: Sequence[Pattern]
    creates: int
    commits: int


async def bare(job: Job) -> None:
    """Serve until it is terminated."""
    calls = iter(prepared(job.patterns, job.creates, job.prefix) if job.patterns else ())
    async with AsyncExitStack() as open_:
        consumer = AIOKafkaConsumer(
            f"{job.prefix}.commands",
            bootstrap_servers=job.bootstrap_servers,
            group_id=f"{job.prefix}-bare",
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        open_.push_async_callback(consumer.stop)
        producer = await open_.enter_async_context(
            AIOKafkaProducer(bootstrap_servers=job.bootstrap_servers)
        )
        clients = {
            name: await open_.enter_async_context(ClientBuilder().base_url(url).no_proxy().build())
            for name, url in job.partner_urls.items()
        }
        connection = await asyncpg.connect(
            job.database_url.replace("postgresql+asyncpg", "postgresql")
        )
        open_.push_async_callback(connection.close)
        await connection.execute("create table bare (record text)")
        look_for_cycles_among_what_comes()
        async for record in consumer:
            for _ in range(job.commits):
                await connection.execute("insert into bare values ($1)", record.value.decode())
            for together in next(calls).rounds if job.patterns else ():
                await asyncio.gather(*(ask(clients[call.partner], call) for call in together))
            await producer.send_and_wait(f"{job.prefix}.replies", record.value, key=record.key)


if __name__ == "__main__":
    told = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    sys.stdout.write(f"{os.getpid()}\n")
    uvloop.run(bare(told))
