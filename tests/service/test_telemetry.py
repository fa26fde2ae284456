"""A worker that is looked at: its figures over HTTP, its spans at a collector, its log."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.local_servers import KafkaServer, PostgresServer
from schemas.instruments import prometheus_name
from schemas.measures import (
    CACHE_LOOKUPS,
    LAG,
    MEASURES,
    PARTNER_FAILURES,
    READY,
    REPLICA_READS,
    RETIRED,
    Measure,
    Shape,
)
from tests.collector import Collector, collecting
from tests.service.builders import PERSONAL, a_create, a_venue
from tests.service.callers import a_guest
from tests.service.house import House, a_house
from tests.service.metrics import Series, a_port, series_at
from tests.service.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Of what this traffic has nothing to do with; their own tests see to them.
ELSEWHERE = (
    PARTNER_FAILURES,
    CACHE_LOOKUPS,
    REPLICA_READS,
    RETIRED,
)


@dataclass
class Looked:
    """The house, and what is seen of it from outside."""

    house: House
    port: int
    collector: Collector

    async def series(self) -> Series:
        return await series_at(self.port)

    async def value(self, measure: Measure, **labels: str) -> float | None:
        """The sum over all series that carry these labels; None when there is none."""
        series = (await self.series()).get(prometheus_name(measure), [])
        mine = [value for said, value in series if said.items() >= labels.items()]
        return sum(mine) if mine else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def looked(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[Looked]:
    port, collector = a_port(), Collector()
    with collecting(collector) as url:
        settings = {
            "BOOKING_METRICS__PORT": str(port),
            "BOOKING_METRICS__HOST": "127.0.0.1",
            "BOOKING_RULES__CONFIRMATION_MINUTES": "0.02",
            "BOOKING_LOG__LEVEL": "DEBUG",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{url}/v1/traces",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        async with a_house(kafka, postgres, settings=settings) as house:
            await _a_little_of_everything(house)
            yield Looked(house, port, collector)


async def _a_little_of_everything(house: House) -> None:
    """Traffic that every figure has something to tell of."""
    guest, venue = a_guest(), a_venue()
    booked = (await house.client.command(guest, "create_booking", a_create(venue))).data
    stray = a_create(a_venue())
    await house.client.command(guest, "create_booking", stray, partition=0)
    await house.client.command(guest, "create_booking", stray, partition=1)
    await house.client.command(guest, "create_booking", a_create(party_size=0))
    await house.client.query(guest, "get_booking", {"booking_id": booked["id"]})
    await house.client.query(guest, "check_availability", _asked(stray))
    await house.client.publish("commands", b"\xff", correlation_id=None)

    async def expired() -> bool:
        reply = await house.client.query(guest, "get_booking", {"booking_id": booked["id"]})
        return bool(reply.data["status"] == "expired")

    await until(expired)


def _asked(create: dict[str, Any]) -> dict[str, Any]:
    return {k: create[k] for k in ("venue_id", "venue_type", "booking_time", "party_size")}


async def test_every_measure_is_to_be_had_under_its_name(looked: Looked) -> None:
    series = await looked.series()
    missing = [
        name
        for measure in MEASURES
        if measure not in ELSEWHERE and (name := _series_of(measure)) not in series
    ]
    assert missing == []
    assert "process_resident_memory_bytes" in series


async def test_labels_are_those_of_the_table(looked: Looked) -> None:
    series = await looked.series()
    for measure in MEASURES:
        for labels, _ in series.get(_series_of(measure), []):
            assert set(labels) == set(measure.labels), measure.name


def _series_of(measure: Measure) -> str:
    name = prometheus_name(measure)
    return f"{name}_count" if measure.shape is Shape.HISTOGRAM else name


async def test_the_lag_returns_to_nothing_and_the_worker_is_ready(looked: Looked) -> None:
    async def is_done() -> bool:
        return await looked.value(LAG) == 0

    await until(is_done)
    assert await looked.value(READY) == 1
    topics = {labels["topic"] for labels, _ in (await looked.series())[prometheus_name(LAG)]}
    assert topics == {"commands", "queries"}


async def test_a_partner_hears_of_the_span_of_its_call(looked: Looked) -> None:
    trace = uuid4().hex
    sent = [("traceparent", f"00-{trace}-00f067aa0ba902b7-01".encode())]
    reply = await looked.house.client.command(a_guest(), "create_booking", a_create(), headers=sent)

    async def whole() -> bool:
        return {"create_booking", "inventory reserve", "publish"} <= set(_by_name(looked, trace))

    await until(whole)
    spans = _by_name(looked, trace)
    command = spans["create_booking"]
    assert command.parent_span_id.hex() == "00f067aa0ba902b7"
    assert reply.headers["traceparent"].split(b"-")[2].decode() == command.span_id.hex()
    assert spans["inventory reserve"].parent_span_id == command.span_id
    event = next(
        record
        for record in looked.house.feed.records(f"{looked.house.prefix}.events")
        if reply.data["id"].encode() == record.key
    )
    assert dict(event.headers)["traceparent"] == reply.headers["traceparent"]


def _by_name(looked: Looked, trace: str) -> dict[str, Span]:
    return {span.name: span for span in looked.collector.spans if span.trace_id.hex() == trace}


async def test_each_command_has_a_line_with_its_ids_and_nothing_personal(looked: Looked) -> None:
    command, guest = str(uuid4()), a_guest()
    data = a_create()
    await looked.house.client.command(guest, "create_booking", data, command_id=command)
    worker = looked.house.workers[0]

    async def told() -> bool:
        return any(line.get("message_id") == command for line in worker.lines())

    await until(told)
    (line,) = [line for line in worker.lines() if line.get("message_id") == command]
    assert (line["event"], line["level"]) == ("command done", "info")
    assert (line["operation"], line["status"], line["code"]) == ("create_booking", 201, "ok")
    assert set(line["ms"]) >= {"intake", "partners", "publish", "whole"}
    assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"])
    events = {line["event"] for line in worker.lines()}
    assert {"command done", "query answered", "partner called"} <= events
    assert PERSONAL not in worker.log.read_text()
    assert (guest.token or "") not in worker.log.read_text()


async def test_a_worker_that_waits_is_not_ready_and_says_so(looked: Looked) -> None:
    port = a_port()
    waiting = looked.house.new_worker(
        {"BOOKING_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "BOOKING_METRICS__PORT": str(port)}
    )
    waiting.start()
    try:

        async def says_so() -> bool:
            with contextlib.suppress(OSError):
                return await Looked(looked.house, port, looked.collector).value(READY) == 0
            return False

        await until(says_so)
    finally:
        waiting.kill()


async def test_a_port_that_is_taken_is_named_and_nothing_starts(looked: Looked) -> None:
    second = looked.house.new_worker()
    second.start()
    assert await second.exit_code() == 1
    assert f"BOOKING_METRICS__PORT: 127.0.0.1:{looked.port}" in second.log.read_text()
