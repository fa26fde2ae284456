"""What is to be had at the metrics' port, and a collector that is away, or wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from time import monotonic
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from app.settings.settings import MetricsSettings
from app.telemetry import CannotTell, Telemetry, telemetry
from handlers.traces import NO_TRACER
from schemas.instruments import NO_METER, counter, prometheus_name
from schemas.measures import FORWARDED
from tests.collector import Collector, collecting
from tests.service.waiting import until

OFF = MetricsSettings("127.0.0.1", None)
QUICK = {
    "OTEL_BSP_SCHEDULE_DELAY": "20",
    "OTEL_METRIC_EXPORT_INTERVAL": "50",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
}


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_without_a_port_and_a_collector_nothing_is_made() -> None:
    async with telemetry(OFF, {}) as told:
        assert told.meter is NO_METER
        assert told.tracer is NO_TRACER


async def test_prometheus_finds_figures_and_what_the_process_uses(free_port: int) -> None:
    async with telemetry(MetricsSettings("127.0.0.1", free_port), {}) as told:
        counter(told.meter, FORWARDED).add(3)
        page = await asyncio.to_thread(_fetched, free_port)
    assert f"\n{prometheus_name(FORWARDED)} 3.0\n" in page
    assert "\nprocess_cpu_seconds_total " in page
    assert "\nprocess_resident_memory_bytes " in page
    assert 'service_name="booking-worker"' in page
    with pytest.raises(OSError):  # noqa: PT011 - refused, in the words of whatever system it is
        await asyncio.to_thread(_fetched, free_port)


def _fetched(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = MetricsSettings("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(CannotTell, match="BOOKING_METRICS__PORT"):
            async with telemetry(settings, {}):
                pass


async def test_a_collector_gets_spans_and_figures(quick: pytest.MonkeyPatch) -> None:
    collector = Collector()
    with collecting(collector) as url:
        quick.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        quick.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=bookings-eu")
        async with telemetry(OFF) as told:
            counter(told.meter, FORWARDED).add(1)
            told.tracer.start_span("one").end()
    assert [span.name for span in collector.spans] == ["one"], (
        "what is left at the end is sent as well"
    )
    assert collector.paths == {"/v1/traces", "/v1/metrics"}
    assert collector.attributes["service.name"] == "bookings-eu"
    assert collector.attributes["service.version"]


async def test_a_collector_that_is_away_is_said_once_and_holds_nobody_up(
    quick: pytest.MonkeyPatch, free_port: int
) -> None:
    quick.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{free_port}/v1/traces")
    with capture_logs() as lines:
        async with telemetry(OFF) as told:
            began = monotonic()
            for _ in range(5_000):
                told.tracer.start_span("lost").end()
            assert monotonic() - began < 2
            await until(lambda: _said(lines, told, 1))
            leaving = monotonic()
    assert monotonic() - leaving < 5
    assert [line["event"] for line in lines] == ["the collector does not take what is sent"]


async def _said(lines: Sequence[object], told: Telemetry, times: int) -> bool:
    """Whether it was, with one more span on its way."""
    told.tracer.start_span("one more").end()
    return len(lines) == times


async def _tried(collector: Collector, told: Telemetry, times: int) -> bool:
    told.tracer.start_span("one more").end()
    return collector.tries > times


async def test_a_collector_that_is_back_is_said_too(quick: pytest.MonkeyPatch) -> None:
    collector = Collector()
    collector.status = 400
    with collecting(collector) as url, capture_logs() as lines:
        quick.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{url}/v1/traces")
        async with telemetry(OFF) as told:
            await until(lambda: _tried(collector, told, 3))
            assert len(lines) == 1, "once, however often it is tried"
            collector.status = 200
            await until(lambda: _said(lines, told, 2))
    assert lines[-1]["event"] == "the collector is back"


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_SAMPLER", "some"), ("OTEL_TRACES_SAMPLER_ARG", "half")]
)
async def test_a_wrong_sampler_is_named(quick: pytest.MonkeyPatch, name: str, value: str) -> None:
    quick.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    quick.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    quick.setenv(name, value)
    with pytest.raises(CannotTell, match="OTEL_"):
        async with telemetry(OFF):
            pass


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
async def test_the_standard_ways_of_switching_it_off_are_heard(off: dict[str, str]) -> None:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", **off}
    async with telemetry(OFF, environ) as told:
        assert told.tracer is NO_TRACER
