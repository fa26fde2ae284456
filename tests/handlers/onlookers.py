"""Who looks on at the pipeline in tests: figures, spans and lines, as an operator has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.partners.figures import PartnerFigures
from adapters.partners.watched import WatchedPartners
from app.collector import follows_senders, sampler
from handlers.ended import Ended
from handlers.figures import BookingFigures, MessageFigures
from handlers.ports import Partners
from handlers.traces import Traces
from handlers.watch import Watch
from schemas.measures import Measure

Words = frozenset[tuple[str, object]]


def words(**labels: str) -> Words:
    return frozenset(labels.items())


@dataclass
class Lines:
    """Implements OutcomeLines; keeps all of them."""

    written: list[Mapping[str, object]] = field(default_factory=list)

    def wants(self, ended: Ended) -> bool:
        return True

    def write(self, lines: Sequence[Mapping[str, object]]) -> None:
        self.written += [orjson.loads(orjson.dumps(line)) for line in lines]


class Onlookers:
    """Everything is sampled unless OTEL_TRACES_SAMPLER, as given, says otherwise."""

    def __init__(self, **environ: str) -> None:
        self.lines = Lines()
        self._follows_senders = follows_senders(environ)
        self._reader = InMemoryMetricReader()
        self.meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter("booking")
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler(environ), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("booking")

    def of_commands(self, clock: Callable[[], datetime]) -> Watch:
        return self._watch("command", clock)

    def of_queries(self, clock: Callable[[], datetime]) -> Watch:
        return self._watch("query", clock)

    def _watch(self, kind: str, clock: Callable[[], datetime]) -> Watch:
        figures, bookings = MessageFigures.by(self.meter, kind), BookingFigures.by(self.meter)
        traces = Traces(self.tracer, follows_senders=self._follows_senders)
        return Watch(figures, bookings, traces, self.lines, clock)

    def partners(self, partners: Partners) -> WatchedPartners:
        return WatchedPartners(partners, PartnerFigures.by(self.meter), self.tracer)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Those that have ended."""
        return self._exporter.get_finished_spans()

    def all(self) -> dict[str, dict[Words, float]]:
        """Every figure by its labels; of a histogram how many values it has."""
        data = self._reader.get_metrics_data()
        return {
            metric.name: {
                frozenset((point.attributes or {}).items()): _value(point)
                for point in metric.data.data_points
            }
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def total(self, measure: Measure) -> float:
        return sum(self.values(measure).values())

    def values(self, measure: Measure) -> dict[Words, float]:
        return self.all().get(measure.name, {})


def _value(point: Any) -> float:
    return float(point.count if isinstance(point, HistogramDataPoint) else point.value)
