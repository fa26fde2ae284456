"""What the short memories of queries save, and what hearing the events for them costs.

`python -m bench.caches` runs the real worker with and without them in turns: creates, then look-ups
by reference and questions about availability, each of them asked several times within their time.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

import orjson

from app.local_servers import local_servers
from bench.load import Create, creates, send_at_once
from bench.processes import partners_running, worker_running
from bench.replies import Replies, Span
from bench.stage import SECRET, Stage, set_up, tear_down

_REMEMBERING: Final = {
    "BOOKING_CACHE__AVAILABILITY_SECONDS": "30",
    "BOOKING_CACHE__REFERENCE_SECONDS": "30",
}
_SLOT: Final = ("venue_id", "venue_type", "booking_time", "party_size", "inventory_item_id")


@dataclass(frozen=True, slots=True)
class Round:
    """One worker's, by what was asked of it."""

    spans: Mapping[str, Span]


def main() -> int:
    """Gives the exit code: 1 when a reply is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.caches", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="with and without, each")
    parser.add_argument("--bookings", type=int, default=1000, help="that are looked up")
    parser.add_argument("--times", type=int, default=5, help="that each is looked up")
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    found = asyncio.run(_bench(asked.rounds, asked.bookings, asked.times))
    for what in found[False][0].spans:
        without, with_ = (_middle(found[each], what) for each in (False, True))
        ratio = median(
            w.spans[what].cpu_ms_each / n.spans[what].cpu_ms_each
            for n, w in zip(found[False], found[True], strict=True)
        )
        _say(
            f"{what}: {without[0]:.0f}/s at {without[1]:.3f} ms of CPU without,"
            f" {with_[0]:.0f}/s at {with_[1]:.3f} ms with: {ratio:.2f} times the CPU"
        )
    return 0


async def _bench(rounds: int, bookings: int, times: int) -> Mapping[bool, Sequence[Round]]:
    found: dict[bool, list[Round]] = {False: [], True: []}
    async with AsyncExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="booking-bench-")))
        running = local_servers(_say)
        servers = await asyncio.to_thread(running.__enter__)
        held.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        urls = await held.enter_async_context(partners_running())
        for number in range(rounds):
            for remembers in (False, True):
                stage = await set_up(servers, urls, f"caches-{number}-{remembers:d}", directory)
                more = _REMEMBERING if remembers else {}
                found[remembers].append(await _round(stage, more, bookings, times))
                await tear_down(servers, stage)
    return found


async def _round(stage: Stage, more: Mapping[str, str], bookings: int, times: int) -> Round:
    spans = {}
    async with (
        Replies(stage.bootstrap_servers, stage.topics.replies) as replies,
        worker_running(stage.environment | dict(more), stage.log) as pid,
    ):

        async def measured(topic: str, load: Sequence[Create], expected: int) -> Span:
            sending = asyncio.create_task(send_at_once(stage.bootstrap_servers, topic, load))
            span = await replies.span(len(load), pid)
            await sending
            wrong = [body for body in span.bodies if orjson.loads(body)["status"] != expected]
            if wrong:
                raise RuntimeError(f"expected {expected}, got {wrong[0].decode()}")
            return span

        topics = stage.topics
        await measured(topics.commands, creates(bookings, SECRET), 201)  # to warm up
        made = creates(bookings, SECRET)
        spans["creates"] = await measured(topics.commands, made, 201)
        shown = {
            answer["command_id"]: answer["data"]["booking_reference"]
            for answer in map(orjson.loads, spans["creates"].bodies)
        }
        by_reference = [
            _query(each, "get_booking_by_reference", {"booking_reference": shown[each.command_id]})
            for _ in range(times)
            for each in made
        ]
        slots = [
            _query(each, "check_availability", _slot(each)) for _ in range(times) for each in made
        ]
        spans["look-ups by reference"] = await measured(topics.queries, by_reference, 200)
        spans["availability"] = await measured(topics.queries, slots, 200)
    return Round(spans)


def _query(create: Create, type_: str, data: Mapping[str, Any]) -> Create:
    """As the same guest."""
    query_id = str(uuid4())
    body = {"type": type_, "query_id": query_id, "data": data}
    headers = [(n, v) for n, v in create.headers if n != "correlation_id"]
    headers.append(("correlation_id", query_id.encode()))
    return Create(query_id, query_id.encode(), orjson.dumps(body), tuple(headers))


def _slot(create: Create) -> dict[str, Any]:
    wish = orjson.loads(create.value)["data"]
    return {name: wish[name] for name in _SLOT if name in wish}


def _middle(rounds: Sequence[Round], what: str) -> tuple[float, float]:
    spans = [each.spans[what] for each in rounds]
    return median(s.per_second for s in spans), median(s.cpu_ms_each for s in spans)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
