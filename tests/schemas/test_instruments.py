"""Instruments made from the table, and what Prometheus makes of their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from schemas.instruments import NO_METER, counter, gauge, histogram, observed, prometheus_name
from schemas.measures import MEASURES, STAGE, Measure, Shape
from schemas.measures_page import metrics_page


def test_every_measure_is_called_in_prometheus_as_its_page_says() -> None:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(
        scope_info_enabled=False, disable_target_info=True, registry=registry
    )
    provider = MeterProvider([reader])
    meter = provider.get_meter("booking")
    for measure in MEASURES:
        labels = dict.fromkeys(measure.labels, "word")
        match measure.shape:
            case Shape.COUNTER:
                counter(meter, measure).add(1, labels)
            case Shape.HISTOGRAM:
                histogram(meter, measure).record(0.5, labels)
            case Shape.GAUGE:
                gauge(meter, measure).set(1, labels)
    series = {sample.name for family in registry.collect() for sample in family.samples}
    provider.shutdown()
    assert {_one_series(measure) for measure in MEASURES} - series == set()


def _one_series(measure: Measure) -> str:
    name = prometheus_name(measure)
    return f"{name}_count" if measure.shape is Shape.HISTOGRAM else name


def test_an_observed_gauge_is_read_when_somebody_looks() -> None:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    provider = MeterProvider([reader])
    lanes = [3.0]
    measure = Measure("booking.test", Shape.GAUGE, "{lane}", "Lanes.")
    observed(provider.get_meter("booking"), measure, lambda: [(lanes[0], {})])
    lanes[0] = 4.0
    assert "\nbooking_test 4.0" in generate_latest(registry).decode()
    provider.shutdown()


def test_a_measure_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a counter, got a histogram"):
        counter(NO_METER, STAGE)


def test_every_histogram_has_its_buckets() -> None:
    shapeless = [m.name for m in MEASURES if (m.shape is Shape.HISTOGRAM) != bool(m.buckets)]
    assert shapeless == []


def test_the_page_of_metrics_is_the_tables() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == metrics_page(), (
        "run: python -m schemas.measures_page > docs/metrics.md"
    )
