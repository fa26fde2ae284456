"""The quick histograms tell what the SDK's would."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from prometheus_client import CollectorRegistry, generate_latest

from app.tallies import Tallies, TalliesForCollector, TalliesForPrometheus, TallyingMeter
from schemas.instruments import counter, histogram
from schemas.measures import FORWARDED, PARTNER_CALL

RESERVE = {"partner": "inventory", "call": "reserve", "result": "answered"}
VALUES = (0.0, 0.001, 0.0011, 0.3, 0.5, 29.9, 30.0, 31.0, 500.0)


def tell(meter: Meter) -> None:
    calls = histogram(meter, PARTNER_CALL)
    for value in VALUES:
        calls.record(value, RESERVE)
        calls.record(value * 2, dict(reversed(RESERVE.items())))
    calls.record(1.5, RESERVE | {"result": "refused"})
    counter(meter, FORWARDED).add(2)


def test_prometheus_sees_what_it_would_of_the_sdks_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tallies = Tallies()
    quick = TalliesForPrometheus(tallies, registry=ours, scope_info_enabled=False)
    mine = MeterProvider([quick], shutdown_on_exit=False)
    usual = PrometheusMetricReader(registry=theirs, scope_info_enabled=False)
    sdk = MeterProvider([usual], shutdown_on_exit=False)
    tell(TallyingMeter(mine.get_meter("booking"), tallies))
    tell(sdk.get_meter("booking"))
    assert sorted(generate_latest(ours).splitlines()) == sorted(
        generate_latest(theirs).splitlines()
    )


def test_a_collector_gets_what_it_would_of_the_sdks_own() -> None:
    sent: list[MetricsData] = []

    class Exporter:
        """Only keeps what it is given."""

        _preferred_temporality = None
        _preferred_aggregation = None

        def export(self, data: MetricsData, **_: Any) -> None:
            sent.append(data)

        def shutdown(self, **_: Any) -> None:
            pass

    tallies, usual = Tallies(), InMemoryMetricReader()
    quick = TalliesForCollector(tallies, Exporter())
    mine = MeterProvider([quick], shutdown_on_exit=False)
    sdk = MeterProvider([usual], shutdown_on_exit=False)
    tell(TallyingMeter(mine.get_meter("booking"), tallies))
    tell(sdk.get_meter("booking"))
    mine.shutdown()
    theirs = usual.get_metrics_data()
    assert theirs is not None
    assert _points(sent[-1]) == _points(theirs)


def _points(data: MetricsData) -> dict[str, list[str]]:
    """As they go over the wire, but for when they were taken."""
    encoded = encode_metrics(data).resource_metrics[0].scope_metrics[0].metrics
    told = {}
    for metric in encoded:
        points = metric.histogram.data_points or metric.sum.data_points
        for point in points:
            point.start_time_unix_nano = point.time_unix_nano = 0
        told[metric.name] = sorted(map(str, points))
    return told


@pytest.mark.parametrize("labels", [None, {}])
def test_a_histogram_without_labels_is_one_series(labels: dict[str, str] | None) -> None:
    tallies = Tallies()
    meter = TallyingMeter(MeterProvider(shutdown_on_exit=False).get_meter("booking"), tallies)
    histogram(meter, PARTNER_CALL).record(0.3, labels)
    histogram(meter, PARTNER_CALL).record(0.3)
    metric = tallies.made[PARTNER_CALL.name].metric()
    assert metric is not None
    points: Any = metric.data.data_points
    assert [point.count for point in points] == [2]
