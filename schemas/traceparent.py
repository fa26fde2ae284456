"""W3C Trace Context as OpenTelemetry's own context, and back."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

NEW_TRACE: Final = Context()


def parent_of(traceparent: str | bytes | None) -> Context:
    """The context that a valid traceparent names, or that of a new trace."""
    if traceparent is None:
        return NEW_TRACE
    named = SpanContext(
        int(traceparent[3:35], 16),
        int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )
    return set_span_in_context(NonRecordingSpan(named), NEW_TRACE)


def is_sampled(traceparent: str | bytes | None) -> bool:
    """Whether whoever wrote it keeps the trace."""
    return traceparent is not None and bool(int(traceparent[53:55], 16) & TraceFlags.SAMPLED)


def traceparent_of(span: Span) -> str:
    """As it stands in a header."""
    here = span.get_span_context()
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"
