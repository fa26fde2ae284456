"""Histograms that are recorded in half a microsecond; the SDK's take five, five times a create.

A reader adds them to what it collects from the SDK. They are recorded by the event loop's thread
alone and read by an exporter's, and always cumulative. Everything else is the SDK's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import (
    CallbackT,
    Counter,
    Histogram,
    Meter,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.util.types import Attributes

from schemas.instruments import Gauge

_Words = tuple[tuple[str, Any], ...]


@dataclass(slots=True)
class _Series:
    """One set of labels."""

    labels: dict[str, Any]
    counts: list[int]
    total: float = 0.0
    least: float = float("inf")
    most: float = 0.0


class Tally(Histogram):
    """Implements the API's Histogram."""

    def __init__(self, name: str, unit: str, description: str, bounds: Sequence[float]) -> None:
        self._told = (name, description, unit)
        self._bounds = tuple(bounds)
        self._began = time_ns()
        self._series: dict[_Words, _Series] = {}

    def record(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        key = tuple(attributes.items()) if attributes else ()
        series = self._series.get(key) or self._new(key)
        series.counts[bisect_left(self._bounds, amount)] += 1
        series.total += amount
        series.least = min(series.least, amount)
        series.most = max(series.most, amount)

    def _new(self, key: _Words) -> _Series:
        """The same labels in another order are the same series."""
        ordered = tuple(sorted(key))
        series = self._series.get(ordered) or _Series(dict(key), [0] * (len(self._bounds) + 1))
        self._series[ordered] = self._series[key] = series
        return series

    def metric(self) -> Metric | None:
        """What was recorded so far; None: nothing."""
        name, description, unit = self._told
        series = {id(each): each for each in list(self._series.values())}.values()
        points = [self._point(each, list(each.counts)) for each in series]
        data = HistogramData(points, AggregationTemporality.CUMULATIVE)
        return Metric(name, description, unit, data) if points else None

    def _point(self, series: _Series, counts: list[int]) -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=series.labels,
            start_time_unix_nano=self._began,
            time_unix_nano=time_ns(),
            count=sum(counts),
            sum=series.total,
            bucket_counts=counts,
            explicit_bounds=self._bounds,
            min=series.least,
            max=series.most,
        )


@dataclass(slots=True)
class Tallies:
    """All of a worker."""

    made: dict[str, Tally] = field(default_factory=dict)

    def added_to(self, data: MetricsData) -> MetricsData:
        """The SDK's figures with these beside them."""
        metrics = [metric for each in list(self.made.values()) if (metric := each.metric())]
        if not metrics or not data.resource_metrics:
            return data
        resource, *others = data.resource_metrics
        scope, *rest = resource.scope_metrics
        scope = replace(scope, metrics=[*scope.metrics, *metrics])
        resource = replace(resource, scope_metrics=[scope, *rest])
        return replace(data, resource_metrics=[resource, *others])


class TalliesForPrometheus(PrometheusMetricReader):
    """Read when somebody fetches them."""

    def __init__(self, tallies: Tallies, **options: Any) -> None:
        super().__init__(**options)
        self._tallies = tallies

    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **options: Any) -> None:
        super()._receive_metrics(self._tallies.added_to(metrics_data), *args, **options)


class TalliesForCollector(PeriodicExportingMetricReader):
    """Sent now and then."""

    def __init__(self, tallies: Tallies, exporter: Any) -> None:
        self._tallies = tallies  # before its thread begins
        super().__init__(exporter)

    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **options: Any) -> None:
        super()._receive_metrics(self._tallies.added_to(metrics_data), *args, **options)


class TallyingMeter(Meter):
    """The SDK's meter, but for its histograms."""

    def __init__(self, meter: Meter, tallies: Tallies) -> None:
        super().__init__(meter.name)
        self._meter = meter
        self._tallies = tallies

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """One of a name: whoever asks for it again gets the same."""
        bounds = explicit_bucket_boundaries_advisory or ()
        made = self._tallies.made
        return made.setdefault(name, Tally(name, unit, description, bounds))

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        return self._meter.create_counter(name, unit, description)

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        return self._meter.create_up_down_counter(name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Gauge:
        return self._meter.create_gauge(name, unit, description)

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableCounter:
        return self._meter.create_observable_counter(name, callbacks, unit, description)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        return self._meter.create_observable_gauge(name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableUpDownCounter:
        return self._meter.create_observable_up_down_counter(name, callbacks, unit, description)
