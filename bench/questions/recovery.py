"""(i): rebuild, replay and redrive, beside reading the topic and COPY of the same rows alone."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.topics import PARTITIONS
from bench.figures import Measurement, Ratio
from bench.load import creates, send_at_once
from bench.operator import booking, module
from bench.processes import worker_running
from bench.questions.creates import PER_SECOND
from bench.questions.queries import made
from bench.scene import Contestant, Question, Scene
from bench.stage import SECRET, Stage

_WRITTEN: Final = (
    *("guest_keys", "bookings", "booking_references", "booking_history", "claims"),
    *("commands", "outcomes", "idempotency_keys"),
)
_OUTPUTS: Final = 2  # of a create: its reply and its event
_TIMES: Final = 3  # as many as in a round of creates: programs take a moment to start


@asynccontextmanager
async def _opened(scene: Scene) -> AsyncIterator[Sequence[Contestant]]:
    count = scene.asked.creates * _TIMES
    # What is sent again lies in the topic twice; so that goes on beside what is read and rebuilt.
    async with scene.stage("recovery") as stage, scene.stage("resend") as resent:
        for each in (stage, resent):
            scene.say(f"{count} bookings are made")
            async with worker_running(each.environment, each.log):
                await made(each, count)
        yield [
            Contestant("reading alone", partial(_read, stage, count)),
            Contestant("COPY alone", partial(_copy, scene, stage, count)),
            Contestant("rebuild", partial(_rebuild, scene, stage, count)),
            Contestant("replay, nothing to do", partial(_replay, stage, count)),
            Contestant("replay, sent again", partial(_replay, resent, count, "--resend")),
            Contestant("replay, done anew", partial(_replay_undone, scene, count)),
            Contestant("redrive", partial(_redrive, scene, count)),
        ]


async def _read(stage: Stage, count: int) -> Measurement:
    """The events' topic from its beginning to its end."""
    targets = [TopicPartition(stage.topics.events, each) for each in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        consumer.assign(targets)
        began, found = time.perf_counter(), 0
        while found < count:
            batches = await consumer.getmany(timeout_ms=1000)
            found += sum(map(len, batches.values()))
        return _rate(count, time.perf_counter() - began)
    finally:
        await consumer.stop()


async def _copy(scene: Scene, stage: Stage, count: int) -> Measurement:
    """The rows that a rebuild writes, from memory into an empty database with the same indexes."""
    source = await _connected(stage)
    rows = {}
    for table in _WRITTEN:
        rows[table] = io.BytesIO()
        query = f"select * from {table}"  # noqa: S608 - ours
        await source.copy_from_query(query, output=rows[table], format="binary")
        rows[table].seek(0)
    await source.close()
    async with scene.stage("copy") as empty:
        target = await _connected(empty)
        began = time.perf_counter()
        async with target.transaction():
            for table, copied in rows.items():
                await target.copy_to_table(table, source=copied, format="binary")
        seconds = time.perf_counter() - began
        await target.close()
    return _rate(count, seconds)


async def _rebuild(scene: Scene, stage: Stage, count: int) -> Measurement:
    """By its own clock: from its first look at Kafka to its last row."""
    async with scene.stage("rebuild") as empty:
        there = replace(stage, database_url=empty.database_url)
        report = await booking(there.environment, "rebuild")
    wrong = [] if report["is_whole"] else ["the rebuilt database has holes"]
    if report["events"] != count:
        wrong.append(f"{report['events']} events were read of {count}")
    return _rate(count, report["seconds"], wrong)


async def _replay(stage: Stage, count: int, *options: str) -> Measurement:
    """Every command has its outcome: they are read, judged and looked up."""
    done = await booking(stage.environment, "replay", *options)
    wrong = [f"{len(done['again'])} would be done twice"] if done["again"] else []
    if options and done["resent"] != _OUTPUTS * count:
        wrong.append(f"{done['resent']} of {_OUTPUTS * count} outputs were sent again")
    return _rate(done["records"], done["seconds"], wrong)


async def _replay_undone(scene: Scene, count: int) -> Measurement:
    """No command has one, and the group has passed them all: they are published anew."""
    async with _passed(scene, count) as stage:
        # A time, since a database that knows nothing is otherwise taken for one to be rebuilt.
        since = ("--from", "2020-01-01T00:00:00Z")
        done = await booking(stage.environment, "replay", "--wait", "0", *since)
    found = len(done["again"])
    return _rate(count, done["seconds"], [] if found == count else [f"{found} of {count} found"])


async def _redrive(scene: Scene, count: int) -> Measurement:
    """As many dead letters, put back; with the start of the program and its look at each letter."""
    async with _passed(scene, count) as stage:
        await module(stage.environment, "bench.letters")
        began = time.perf_counter()
        done = await booking(stage.environment, "dlq", "redrive", "--all", "--wait", "0")
        seconds, found = time.perf_counter() - began, len(done["put_back"])
    return _rate(count, seconds, [] if found == count else [f"{found} of {count} put back"])


@asynccontextmanager
async def _passed(scene: Scene, count: int) -> AsyncIterator[Stage]:
    """Commands that the group has passed without a worker ever doing one."""
    async with scene.stage("passed") as stage:
        load, topic = creates(count, SECRET), stage.topics.commands
        await send_at_once(stage.bootstrap_servers, topic, load)
        group = stage.environment["BOOKING_KAFKA__GROUP_ID"]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=stage.bootstrap_servers, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            targets = [TopicPartition(topic, each) for each in range(PARTITIONS)]
            consumer.assign(targets)
            await consumer.commit(await consumer.end_offsets(targets))
        finally:
            await consumer.stop()
        yield stage


async def _connected(stage: Stage) -> asyncpg.Connection:
    return await asyncpg.connect(stage.database_url.replace("+asyncpg", ""))


def _rate(count: int, seconds: float, wrong: Sequence[str] = ()) -> Measurement:
    return Measurement({PER_SECOND: count / seconds, "ms each": seconds / count * 1000}, wrong)


RECOVERY: Final = Question(
    "recovery",
    "records a second when something has been lost",
    _opened,
    lambda _: [
        Ratio("rebuild", "COPY alone", PER_SECOND),
        Ratio("rebuild", "reading alone", PER_SECOND),
        Ratio("replay, nothing to do", "reading alone", PER_SECOND),
    ],
)
