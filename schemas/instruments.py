"""Instruments from the table of measures, by a Meter that is passed in: nothing is global.

A room that counts has one frozen dataclass of its instruments, made in app/wiring:

    @dataclass(frozen=True, slots=True)
    class CacheFigures:
        lookups: Counter

        @classmethod
        def by(cls, meter: Meter) -> CacheFigures:
            return cls(counter(meter, CACHE_LOOKUPS))

NO_METER makes instruments that do nothing: the default wherever nobody looks on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    NoOpMeter,
    Observation,
)
from opentelemetry.metrics import _Gauge as _ApiGauge

from schemas.measures import Measure, Shape

NO_METER: Final[Meter] = NoOpMeter("booking")

Gauge: TypeAlias = _ApiGauge  # the API has no public name for it
Labels = Mapping[str, str]
Read = Callable[[], Iterable[tuple[float, Labels]]]

_SECONDS: Final = "_seconds"


def counter(meter: Meter, measure: Measure) -> Counter:
    """Add to it what has happened."""
    _expect(measure, Shape.COUNTER)
    return meter.create_counter(measure.name, measure.unit, measure.meaning)


def histogram(meter: Meter, measure: Measure) -> Histogram:
    """Record each value in it; the buckets are the table's."""
    _expect(measure, Shape.HISTOGRAM)
    buckets = [float(bound) for bound in measure.buckets]
    return meter.create_histogram(
        measure.name, measure.unit, measure.meaning, explicit_bucket_boundaries_advisory=buckets
    )


def gauge(meter: Meter, measure: Measure) -> Gauge:
    """Set it where the value changes."""
    _expect(measure, Shape.GAUGE)
    return meter.create_gauge(measure.name, measure.unit, measure.meaning)


def observed(meter: Meter, measure: Measure, read: Read) -> None:
    """A gauge that is read when somebody looks: in a thread of the exporter's, so `read` has to be
    quick and must not touch what the event loop changes meanwhile.
    """
    _expect(measure, Shape.GAUGE)

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, labels) for value, labels in read()]

    meter.create_observable_gauge(measure.name, [observe], measure.unit, measure.meaning)


def prometheus_name(measure: Measure) -> str:
    """What Prometheus calls it; a histogram's series add `_bucket`, `_count` and `_sum`."""
    name = measure.name.replace(".", "_") + (_SECONDS if measure.unit == "s" else "")
    return f"{name}_total" if measure.shape is Shape.COUNTER else name


def _expect(measure: Measure, shape: Shape) -> None:
    if measure.shape is not shape:
        raise ValueError(f"{measure.name}: expected a {shape}, got a {measure.shape}")
