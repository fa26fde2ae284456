"""Figures and spans to an OpenTelemetry collector, over OTLP by the standard variables.

They are sent by threads of their own, from queues that drop what nobody takes. That a collector is
away is said once, and once more when it is back; the exporters would say it with every try.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

_log = structlog.get_logger(__name__)

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_USUAL: Final = "parentbased_always_on"


def wants(signal: str, environ: Mapping[str, str]) -> bool:
    """Whether TRACES or METRICS have somewhere to go to."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip() == "none":
        return False
    return any(environ.get(name) for name in (_ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))


class _Delivery:
    """Says when it fails, and when it does not any more."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_failing = False

    def note(self, ok: bool) -> None:
        if ok == self._is_failing:
            self._is_failing = not ok
            said = "the collector is back" if ok else "the collector does not take what is sent"
            _log.warning(said, what=self._what)


class SpansToCollector(OTLPSpanExporter):
    """OTLP over HTTP; where to, how long and with which headers is up to OTEL_EXPORTER_OTLP_*."""

    def __init__(self) -> None:
        super().__init__()
        self._delivery = _Delivery("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if not self._shutdown:
            self._delivery.note(result is SpanExportResult.SUCCESS)
        return result


class FiguresToCollector(OTLPMetricExporter):
    """The same for figures."""

    def __init__(self) -> None:
        super().__init__()
        self._delivery = _Delivery("metrics")

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **options: Any
    ) -> MetricExportResult:
        result = super().export(metrics_data, timeout_millis, **options)
        if not self._shutdown:
            self._delivery.note(result is MetricExportResult.SUCCESS)
        return result


def sampler(environ: Mapping[str, str]) -> Sampler:
    """What OTEL_TRACES_SAMPLER says, and every batch in which a message is sampled.

    Raises ValueError for a sampler or a share that there is not.
    """
    name = environ.get("OTEL_TRACES_SAMPLER", _USUAL).strip().lower()
    if name in _RATIOS:
        share = TraceIdRatioBased(float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 1))
        return _WithItsMessages(_RATIOS[name](share))
    if name not in _SAMPLERS:
        raise ValueError(f"OTEL_TRACES_SAMPLER: expected {', '.join([*_SAMPLERS, *_RATIOS])}")
    return _WithItsMessages(_SAMPLERS[name])


def follows_senders(environ: Mapping[str, str]) -> bool:
    """Whether that sampler keeps of what has a sender just what the sender keeps."""
    return environ.get("OTEL_TRACES_SAMPLER", _USUAL).strip().lower().startswith("parentbased")


_SAMPLERS: Final[Mapping[str, Sampler]] = {
    "always_on": ALWAYS_ON,
    "always_off": ALWAYS_OFF,
    "parentbased_always_on": DEFAULT_ON,
    "parentbased_always_off": DEFAULT_OFF,
}
_RATIOS: Final[Mapping[str, Any]] = {
    "traceidratio": lambda share: share,
    "parentbased_traceidratio": ParentBased,
}


class _WithItsMessages(Sampler):
    """A batch has no parent; by chance alone most links to it would lead nowhere."""

    def __init__(self, of_all_others: Sampler) -> None:
        self._of_all_others = of_all_others

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        has_parent = get_current_span(parent_context).get_span_context().is_valid
        if links and not has_parent and any(link.context.trace_flags.sampled for link in links):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, trace_state)
        return self._of_all_others.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return self._of_all_others.get_description()
