"""One round each for floor and worker: warmed up, loaded at once, watched from outside."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import orjson
from aiokafka import AIOKafkaProducer

from bench.floor import Job
from bench.load import Message, creates, send_at_once
from bench.processes import process_running, worker_running
from bench.recording import Pattern
from bench.replies import NoReplies, Replies, Span
from bench.stage import SECRET, Stage

WARM_UP = 600
BATCH_RECORDS = 200
BATCH_TIMEOUT_MS = 10
_UNMEASURED = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out of one round; `wrong` names everything that should not be."""

    span: Span
    batches: Sequence[int]
    wrong: Sequence[str]
    whole_per_second: float  # from when the load was there to the last reply


async def worker_round(stage: Stage, count: int, *, is_hot: bool = False) -> Measured:
    """The real worker on so many creates; hot: all of them at one venue."""
    running, began = worker_running(stage.environment, stage.log), datetime.now(UTC)
    measured = await creates_round(stage, running, creates(count, SECRET, is_hot=is_hot))
    return replace(measured, batches=await stage.batch_sizes(began))


async def floor_round(stage: Stage, count: int, patterns: Sequence[Pattern]) -> Measured:
    """The floor on as many; what it replies does not depend on what it was sent."""
    job = Job(
        stage.bootstrap_servers,
        stage.topics.prefix,
        stage.database_url,
        stage.partner_urls,
        patterns,
        count + WARM_UP,
        BATCH_RECORDS,
        BATCH_TIMEOUT_MS,
    )
    running = process_running("bench.floor", job, stage.log)
    return await creates_round(stage, running, creates(count, SECRET), is_read=False)


async def creates_round(
    stage: Stage,
    running: AbstractAsyncContextManager[int | tuple[int, ...]],
    load: Sequence[Message],
    *,
    warm_up: int = WARM_UP,
    table: str = "bookings",
    is_read: bool = True,
) -> Measured:
    """Whoever runs there (one process or several), on this load; its replies are read and its
    bookings counted.
    """
    before = await stage.bookings(table)
    async with (
        Replies(stage.bootstrap_servers, stage.topics.replies) as replies,
        running as found,
    ):
        pids = (found,) if isinstance(found, int) else found
        try:
            span, surplus, sent = await _watched(pids, replies, stage, load, warm_up)
        except NoReplies as silence:
            raise NoReplies(f"{silence}. The log:\n{stage.log_tail()}") from silence
    wrong = not_answered(load, span.bodies) if is_read else []
    bookings, expected = await stage.bookings(table) - before, len(load) + warm_up
    if surplus:
        wrong.append(f"{surplus} replies too many")
    if bookings != expected:
        wrong.append(f"{bookings} bookings of {expected} stand")
    return Measured(span, (), wrong, len(load) / (span.ended - sent))


async def _watched(
    pids: Sequence[int], replies: Replies, stage: Stage, load: Sequence[Message], warm_up: int
) -> tuple[Span, int, float]:
    first = creates(warm_up, SECRET)
    await send_at_once(stage.bootstrap_servers, stage.topics.commands, first)
    await replies.settle(warm_up)

    async def send() -> float:
        await send_at_once(stage.bootstrap_servers, stage.topics.commands, load)
        return time.perf_counter()

    sending = asyncio.create_task(send())
    span = await replies.span(len(load), *pids)
    sent = await sending
    return span, await replies.surplus(), sent


async def latencies(
    stage: Stage, running: AbstractAsyncContextManager[int], load: Sequence[Message]
) -> tuple[list[float], list[bytes]]:
    """Milliseconds from sending a lone create to seeing its reply, with who answers idling, but for
    the first few; and the replies to all.
    """
    taken: list[float] = []
    bodies: list[bytes] = []
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap_servers)
    async with (
        Replies(stage.bootstrap_servers, stage.topics.replies) as replies,
        running,
        producer,
    ):
        warm_up = creates(WARM_UP, SECRET)
        await send_at_once(stage.bootstrap_servers, stage.topics.commands, warm_up)
        await replies.settle(WARM_UP)
        for number, create in enumerate(load, -_UNMEASURED):
            began = time.perf_counter()
            await producer.send_and_wait(
                stage.topics.commands, create.value, key=create.key, headers=list(create.headers)
            )
            bodies += await replies.next()
            if number >= 0:
                taken.append((time.perf_counter() - began) * 1000)
    return taken, bodies


def not_answered(load: Sequence[Message], bodies: Sequence[bytes], status: int = 201) -> list[str]:
    """Where the replies are not one of this status for each message."""
    answers = [orjson.loads(body) for body in bodies]
    refused = Counter(
        f"{each['status']} {each['error']['code']}" for each in answers if each["status"] != status
    )
    wrong = [f"{number} replies are {what}" for what, number in refused.items()]
    answered = Counter(each.get("command_id") or each["query_id"] for each in answers)
    missing = sum(each.id not in answered for each in load)
    twice = sum(number - 1 for number in answered.values())
    wrong += [f"{missing} messages have no reply"] if missing else []
    wrong += [f"{twice} replies came twice"] if twice else []
    return wrong
