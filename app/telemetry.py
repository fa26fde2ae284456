"""Who looks on at the worker: a meter and a tracer, and where they lead to. Nothing is global.

Without a port for Prometheus and without a collector both do nothing, and cost nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer

from app.settings.settings import MetricsSettings
from handlers.traces import NO_TRACER
from schemas.instruments import NO_METER

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

    from app.tallies import Tallies

_NAME: Final = "booking"
_SERVICE: Final = "booking-worker"
_GOODBYE_SECONDS: Final = 3.0


class CannotTell(Exception):
    """What is set for it cannot be done; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """To be handed to whoever has something to tell."""

    meter: Meter = NO_METER
    tracer: Tracer = NO_TRACER
    follows_senders: bool = False  # whether it keeps what the sender keeps, and no more


@asynccontextmanager
async def telemetry(
    settings: MetricsSettings, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Telemetry]:
    """Open for as long as the block lasts. Raises CannotTell.

    What is not delivered by the end is tried once more, for seconds and no longer.
    """
    from app.collector import follows_senders, wants

    with ExitStack() as held:
        try:
            meter = _meter(settings, held, of_collector=wants("METRICS", environ))
            tracer = _tracer(held, environ) if wants("TRACES", environ) else NO_TRACER
        except ValueError as error:
            raise CannotTell(f"an OTEL_* variable is wrong: {error}") from error
        try:
            yield Telemetry(meter, tracer, follows_senders(environ))
        finally:
            await asyncio.to_thread(_within, _GOODBYE_SECONDS, held.pop_all().close)


def _within(seconds: float, close: Callable[[], None]) -> None:
    """The exporters' own patience is half a minute each."""
    closing = Thread(target=close, daemon=True)
    closing.start()
    closing.join(seconds)


def _meter(settings: MetricsSettings, held: ExitStack, *, of_collector: bool) -> Meter:
    """Read by Prometheus, sent to a collector, both or neither."""
    if settings.port is None and not of_collector:
        return NO_METER
    from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider

    from app.tallies import Tallies, TalliesForCollector, TallyingMeter

    tallies = Tallies()
    readers: list[MetricReader] = []
    if settings.port is not None:
        readers.append(_for_prometheus(settings.host, settings.port, tallies, held))
    if of_collector:
        from app.collector import FiguresToCollector

        readers.append(TalliesForCollector(tallies, FiguresToCollector()))
    provider = MeterProvider(
        readers,
        resource=_resource(),
        shutdown_on_exit=False,
        exemplar_filter=AlwaysOffExemplarFilter(),
    )
    held.callback(provider.shutdown)
    return TallyingMeter(provider.get_meter(_NAME), tallies)


def _for_prometheus(host: str, port: int, tallies: Tallies, held: ExitStack) -> MetricReader:
    """With what the process itself uses: process_cpu_seconds_total and the like."""
    from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

    from app.tallies import TalliesForPrometheus

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise CannotTell(f"BOOKING_METRICS__PORT: {host}:{port} cannot be had: {error}") from error
    held.callback(server.server_close)
    held.callback(server.shutdown)
    return TalliesForPrometheus(tallies, scope_info_enabled=False, registry=registry)


def _tracer(held: ExitStack, environ: Mapping[str, str]) -> Tracer:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from app.collector import SpansToCollector, sampler

    provider = TracerProvider(sampler(environ), _resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(SpansToCollector()))
    held.callback(provider.shutdown)
    return provider.get_tracer(_NAME)


def _resource() -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = {
        "service.name": _SERVICE,
        "service.version": version(_SERVICE),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
