"""What being looked at costs a create: `python -m bench.telemetry`, some seconds.

Everything that a batch of 200 creates tells is told, and nothing else is done: headers, stages,
four partner calls each that take no time, ends, the line of each. CPU time of the process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any, Final
from uuid import UUID

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry

from adapters.partners.figures import PartnerFigures
from adapters.partners.watched import WatchedPartners
from app.collector import sampler
from app.logs import configure_logs
from app.outcome_lines import OutcomeLog
from app.tallies import Tallies, TalliesForPrometheus, TallyingMeter
from domain.effects import (
    CheckCapacity,
    CreateIntent,
    GetQuote,
    PartnerAnswer,
    PartnerCall,
    Released,
    ReserveInventory,
)
from handlers.ended import Ended, Told
from handlers.figures import BookingFigures, MessageFigures
from handlers.ports import Record, Stage
from handlers.traces import NO_TRACER, Traces
from handlers.watch import Watch
from schemas.headers import Headers
from schemas.instruments import NO_METER

BATCH: Final = 200
BATCHES: Final = 40
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_STAGES: Final = (*Stage, Stage.PARTNERS, Stage.QUESTIONS, Stage.PARTNERS, Stage.QUESTIONS)
_MADE: Final = (CheckCapacity, GetQuote, ReserveInventory, CreateIntent)
_FROM_OUTSIDE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class _Partners:
    """Answers at once."""

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        return Released()


async def _batch(
    watch: Watch,
    partners: _Partners | WatchedPartners,
    calls: list[Any],
    traceparent: bytes | None,
) -> None:
    records = [Record("booking.commands", 0, n, 0, None, b"", ()) for n in range(BATCH)]
    watch.begins(records)
    headers = [watch.continued(each, Headers(traceparent=traceparent)) for each in records]
    for stage in _STAGES:
        watch.at(stage)
    for each in headers:
        for call in calls:
            await partners.call(call, each.trace)
    watch.ends(
        [
            Told(
                r, "create_booking", Ended(201), _NOW, UUID(int=7), UUID(int=8), b"c", h.traceparent
            )
            for r, h in zip(records, headers, strict=True)
        ]
    )
    watch.published([0])


def _microseconds(
    meter: Meter, tracer: Tracer, level: int, traceparent: bytes | None, *, bare: bool = False
) -> float:
    """A create's; the quickest of five rounds."""
    figures, bookings = MessageFigures.by(meter, "command"), BookingFigures.by(meter)
    log = OutcomeLog("command done", level)
    watch = Watch(figures, bookings, Traces(tracer, follows_senders=True), log, lambda: _NOW)
    of_calls = None if tracer is NO_TRACER else tracer
    watched = WatchedPartners(_Partners(), PartnerFigures.by(meter), of_calls)
    calls: list[Any] = [object.__new__(kind) for kind in _MADE]  # nobody reads them

    async def round_() -> float:
        began = process_time()
        for _ in range(BATCHES):
            await _batch(watch, _Partners() if bare else watched, calls, traceparent)
        return (process_time() - began) / (BATCH * BATCHES) * 1e6

    return min(asyncio.run(round_()) for _ in range(5))


def _tracer(share: str) -> Tracer:
    environ = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": share}
    return TracerProvider(sampler(environ), shutdown_on_exit=False).get_tracer("bench")


def main() -> None:
    """Prints a table."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure_logs("INFO", "json", nowhere)
        tallies = Tallies()
        provider = MeterProvider(
            [TalliesForPrometheus(tallies, registry=CollectorRegistry())],
            shutdown_on_exit=False,
            exemplar_filter=AlwaysOffExemplarFilter(),
        )
        meter = TallyingMeter(provider.get_meter("bench"), tallies)
        off, on = logging.DEBUG, logging.INFO
        rows: dict[str, Callable[[], float]] = {
            "the loop itself": lambda: _microseconds(NO_METER, NO_TRACER, off, None, bare=True),
            "all off": lambda: _microseconds(NO_METER, NO_TRACER, off, None),
            "lines": lambda: _microseconds(NO_METER, NO_TRACER, on, None),
            "figures": lambda: _microseconds(meter, NO_TRACER, off, None),
            "spans of none, senders not sampled": lambda: _microseconds(
                NO_METER, _tracer("0"), off, _FROM_OUTSIDE
            ),
            "spans of 1 %": lambda: _microseconds(NO_METER, _tracer("0.01"), off, None),
            "spans of all": lambda: _microseconds(NO_METER, _tracer("1"), off, None),
            "figures, lines and spans of 1 %": lambda: _microseconds(
                meter, _tracer("0.01"), on, None
            ),
        }
        for what, measure in rows.items():
            sys.stdout.write(f"{what:<40}{measure():7.1f} µs\n")


if __name__ == "__main__":
    main()
