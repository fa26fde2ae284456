"""The floor: a worker without logic. It consumes, and sends what was prepared for so many creates.

The same consumer settings, statements, partner calls and exactly-once transactions as the worker's,
through the bare drivers, on uvloop. What is sent does not depend on what was consumed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pyreqwest.client import Client, ClientBuilder

from adapters.kafka.publishing import MAX_BATCH_BYTES
from adapters.kafka.topics import PARTITIONS
from app.cycles import look_for_cycles_among_what_comes
from bench.prepared import Asked, Prepared, Sent, prepared
from bench.recording import Pattern
from handlers.abreast import Abreast


class Job(msgspec.Struct, frozen=True):
    """What the floor is told."""

    bootstrap_servers: str
    prefix: str
    database_url: str
    partner_urls: Mapping[str, str]
    patterns: Sequence[Pattern]
    creates: int
    batch_records: int
    batch_timeout_ms: int


async def floor(job: Job) -> None:
    """Serve until it is terminated."""
    ready = iter(prepared(job.patterns, job.creates, job.prefix))
    topic, group = f"{job.prefix}.commands", f"{job.prefix}-floor"
    async with AsyncExitStack() as open_:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=job.bootstrap_servers,
            group_id=group,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        open_.push_async_callback(consumer.stop)
        producers = [
            await _producer(open_, job.bootstrap_servers, f"{group}-{n}") for n in range(PARTITIONS)
        ]
        clients = {
            name: await open_.enter_async_context(ClientBuilder().base_url(url).no_proxy().build())
            for name, url in job.partner_urls.items()
        }
        connection = await _connection(open_, job.database_url, topic)
        look_for_cycles_among_what_comes()  # as the worker does
        while True:
            found = await consumer.getmany(
                timeout_ms=job.batch_timeout_ms, max_records=job.batch_records
            )
            if not found:
                continue
            records = sum(len(part) for part in found.values())
            batch = list(islice(ready, records))
            await _partners_and_database(
                connection, clients, batch, _lanes(topic, [each.partition for each in found])
            )
            mine = iter(batch)
            await asyncio.gather(
                *(
                    _publish(
                        producers[source.partition],
                        [out for each in islice(mine, len(part)) for out in each.outputs],
                        {source: part[-1].offset + 1},
                        group,
                    )
                    for source, part in found.items()
                )
            )


def _lanes(topic: str, partitions: Sequence[int]) -> str:
    rows = ",".join(f'{{"topic":"{topic}","partition":{each}}}' for each in partitions)
    return f"[{rows}]"


async def _partners_and_database(
    connection: asyncpg.Connection[Any],
    clients: Mapping[str, Client],
    batch: Sequence[Prepared],
    lanes: str,
) -> None:
    await _transact(connection, [each.rows[0] for each in batch], lanes)
    await _call(clients, [each.rounds[0] for each in batch])
    await _transact(connection, [each.rows[1] for each in batch], lanes)
    for number in range(1, len(batch[0].rounds)):
        await _call(clients, [each.rounds[number] for each in batch])
    await _transact(connection, [each.rows[2] for each in batch], lanes)


async def _transact(
    connection: asyncpg.Connection[Any], each_rows: Sequence[Mapping[str, str]], lanes: str
) -> None:
    """One statement a kind, its rows put together; the fence first, as the worker reads it."""
    documents: dict[str, list[str]] = {}
    for rows in each_rows:
        for sql, row in rows.items():
            documents.setdefault(sql, []).append(row)
    fence, *statements = documents
    async with connection.transaction():
        await connection.fetch(fence, lanes)
        for sql in statements:
            await connection.fetch(sql, f"[{','.join(documents[sql])}]")


async def _call(clients: Mapping[str, Client], calls: Sequence[Sequence[Asked]]) -> None:
    """A few at once, as the worker does: it takes a fifth less."""
    await Abreast().each(
        lambda call: ask(clients[call.partner], call), [call for each in calls for call in each]
    )


async def ask(client: Client, call: Asked) -> None:
    """Make the call. Raises RuntimeError unless it is answered 200."""
    request = client.post(call.path).body_bytes(call.body).headers(call.headers)
    async with request.build_streamed() as response:
        await response.bytes()
        if response.status != 200:
            raise RuntimeError(f"{call.path}: status {response.status}")


async def _publish(
    producer: AIOKafkaProducer,
    outputs: Sequence[Sent],
    offsets: Mapping[TopicPartition, int],
    group: str,
) -> None:
    by_target: dict[tuple[str, int], list[Sent]] = {}
    for each in outputs:
        by_target.setdefault((each.topic, each.partition), []).append(each)
    async with producer.transaction():
        await producer.send_offsets_to_transaction(offsets, group)  # first, as the worker does
        deliveries = []
        for (topic, partition), records in by_target.items():
            batch = producer.create_batch()
            for record in records:
                full = (
                    batch.append(
                        timestamp=None, key=record.key, value=record.value, headers=record.headers
                    )
                    is None
                )
                if full:
                    raise RuntimeError("expected a batch to hold all that goes to one partition")
            deliveries.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*deliveries)


async def _producer(
    open_: AsyncExitStack, bootstrap_servers: str, transactional_id: str
) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        transactional_id=transactional_id,
        max_batch_size=MAX_BATCH_BYTES,
    )
    await producer.start()
    open_.push_async_callback(producer.stop)
    return producer


async def _connection(open_: AsyncExitStack, url: str, topic: str) -> asyncpg.Connection[Any]:
    connection = await asyncpg.connect(
        url.replace("postgresql+asyncpg", "postgresql"), server_settings={"jit": "off"}
    )
    open_.push_async_callback(connection.close)
    await connection.executemany(
        "insert into lanes (topic, partition, epoch) values ($1, $2, 1)",
        [(topic, partition) for partition in range(PARTITIONS)],
    )
    return connection


if __name__ == "__main__":
    told = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    sys.stdout.write(f"{os.getpid()}\n")
    uvloop.run(floor(told))
