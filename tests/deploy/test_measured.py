"""The names that dashboards and alerts ask for are those that OpenTelemetry's exporter writes."""

from __future__ import annotations

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY

from schemas.measures import MEASURES, Measure, Shape
from tests.deploy.measured import ALL_SERIES


def record(meter: Meter, measure: Measure) -> None:
    labels = dict.fromkeys(measure.labels, "x")
    match measure.shape:
        case Shape.COUNTER:
            meter.create_counter(measure.name, measure.unit).add(1, labels)
        case Shape.HISTOGRAM:
            meter.create_histogram(measure.name, measure.unit).record(1, labels)
        case Shape.GAUGE:
            meter.create_observable_gauge(
                measure.name, [lambda _: [Observation(1, labels)]], measure.unit
            )


def test_names_and_labels_are_those_of_the_exporter() -> None:
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader])
    try:
        for measure in MEASURES:
            record(provider.get_meter("test"), measure)
        written = {
            sample.name: {name for name in sample.labels if not name.startswith("otel_")}
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name.startswith("booking_")
        }
    finally:
        provider.shutdown()
    assert written.keys() == ALL_SERIES.keys()
    for name, labels in written.items():
        assert labels <= ALL_SERIES[name], name
