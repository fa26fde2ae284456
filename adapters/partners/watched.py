"""Partners with somebody looking on: how long each call took, a span of a sampled one, a line of it
where details are wanted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Final

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from adapters.partners.client import NOT_ASKED
from adapters.partners.figures import CALLS, PartnerFigures
from domain.effects import Declined, Full, PartnerAnswer, PartnerCall, PartnerUnavailable
from handlers.ports import Partners
from schemas.traceparent import is_sampled, parent_of, traceparent_of

_log = structlog.get_logger(__name__)
_levels: Final = logging.getLogger(__name__)


class WatchedPartners:
    """Implements the port Partners around another; `tracer` None: no spans."""

    def __init__(self, partners: Partners, figures: PartnerFigures, tracer: Tracer | None) -> None:
        self._partners = partners
        self._figures = figures
        self._tracer = tracer

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        began = perf_counter()
        if self._tracer is None or not is_sampled(trace.get("traceparent")):
            answer = await self._partners.call(call, trace)
            self._tell(call, answer, perf_counter() - began)
            return answer
        with _span(self._tracer, call, trace) as span:
            answer = await self._partners.call(call, {**trace, "traceparent": traceparent_of(span)})
            result = self._tell(call, answer, perf_counter() - began)
            span.set_attribute("booking.result", result)
            if isinstance(answer, PartnerUnavailable):
                span.set_status(Status(StatusCode.ERROR, answer.detail))
            return answer

    def _tell(self, call: PartnerCall, answer: PartnerAnswer, seconds: float) -> str:
        result = _result(answer)
        self._figures.answered(call, result, seconds)
        if _levels.isEnabledFor(logging.DEBUG):
            detail = answer.detail if isinstance(answer, PartnerUnavailable) else None
            ms = round(seconds * 1000, 1)
            _log.debug(
                "partner called",
                **CALLS[type(call)],
                key=call.key,
                result=result,
                ms=ms,
                why=detail,
            )
        return result


def _result(answer: PartnerAnswer) -> str:
    match answer:
        case PartnerUnavailable(detail=detail):
            return "not_asked" if detail is NOT_ASKED else "unavailable"
        case Full() | Declined():
            return "refused"
        case _:
            return "answered"


@contextmanager
def _span(tracer: Tracer, call: PartnerCall, trace: Mapping[str, str]) -> Iterator[Span]:
    names = CALLS[type(call)]
    span = tracer.start_span(
        f"{names['partner']} {names['call']}",
        parent_of(trace["traceparent"]),
        SpanKind.CLIENT,
        {f"booking.{name}": word for name, word in names.items()},
    )
    try:
        yield span
    finally:
        span.end()
