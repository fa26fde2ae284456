"""Spans of messages and of their batches, for those that are sampled; of all others the sender's
context goes on as it came, and nothing is made.

A message's span is a child of its sender's; a batch belongs to none of its messages, and only has
links to them. What a batch spends its time with stands below both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.trace import (
    Link,
    NoOpTracer,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from handlers.ended import Told
from handlers.ports import Record
from schemas.headers import Headers
from schemas.traceparent import NEW_TRACE, is_sampled, parent_of, traceparent_of

NO_TRACER: Final[Tracer] = NoOpTracer()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage of the batch; `wave` None: of all its messages."""

    stage: str
    began_ns: int
    ended_ns: int
    wave: int | None = None


class Traces:
    """Makes them; nothing where the tracer is NO_TRACER."""

    def __init__(self, tracer: Tracer, *, follows_senders: bool = False) -> None:
        """`follows_senders`: what its sender does not keep is not kept here either, so that the
        sampler need not be asked.
        """
        self._tracer = tracer
        self._follows_senders = follows_senders
        self.is_on = tracer is not NO_TRACER

    def message(self, record: Record, headers: Headers, now_ns: int) -> tuple[Headers, Span | None]:
        """The span, if it is sampled, and headers with it as the one to be continued."""
        sender = headers.traceparent
        if self._follows_senders and sender is not None and not is_sampled(sender):
            return headers, None
        parent = parent_of(sender)
        span = self._tracer.start_span(
            f"process {record.topic}", parent, SpanKind.CONSUMER, start_time=now_ns
        )
        if not span.is_recording():
            return headers, None
        return replace(headers, traceparent=traceparent_of(span).encode()), span

    def batch(
        self,
        topic: str,
        records: int,
        spans: Sequence[tuple[Span, int | None]],
        stretches: Sequence[Stretch],
    ) -> None:
        """The batch of these messages, each with the wave in which it was done."""
        began, ended = stretches[0].began_ns, stretches[-1].ended_ns
        batch = self._tracer.start_span(
            f"batch {topic}",
            NEW_TRACE,
            attributes={"messaging.batch.message_count": records},
            links=[Link(span.get_span_context()) for span, _ in spans],
            start_time=began,
        )
        self._stages(batch, stretches)
        batch.end(ended)
        for span, wave in spans:
            span.add_link(batch.get_span_context())
            self._stages(span, [s for s in stretches if s.wave is None or s.wave == wave])

    def _stages(self, of: Span, stretches: Sequence[Stretch]) -> None:
        if of.is_recording():
            parent = set_span_in_context(of, NEW_TRACE)
            for one in stretches:
                stage = self._tracer.start_span(one.stage, parent, start_time=one.began_ns)
                stage.end(one.ended_ns)


def end(span: Span, told: Told | None, record: Record, now_ns: int) -> None:
    """`told` None: it came to no end here; it was sent on to its home, or known already."""
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    if told is not None:
        span.update_name(told.operation)
        attributes["booking.status"] = told.ended.status
        attributes["booking.code"] = told.ended.code
        if told.message_id is not None:
            attributes["messaging.message.id"] = str(told.message_id)
        if told.booking_id is not None:
            attributes["booking.id"] = str(told.booking_id)
        if told.ended.status >= 500:
            span.set_status(Status(StatusCode.ERROR, told.ended.code))
    span.set_attributes(attributes)
    span.end(now_ns)


def end_unfinished(span: Span) -> None:
    """Its record comes again, and with it another span."""
    span.set_attribute("booking.comes_again", True)
    span.end()
