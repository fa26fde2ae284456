"""Looks on at batches of one kind and tells of them in figures, spans and lines.

Messages count once: when the transaction with their reply and their offset is committed. Bookings
count when the database has them. What is delivered again is told again only if it never counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter_ns, time_ns
from typing import Final, Protocol
from uuid import UUID

import structlog
from opentelemetry.trace import Span

from domain.booking import Booking
from handlers.closings import Closing
from handlers.ended import Ended, Told
from handlers.figures import BookingFigures, MessageFigures
from handlers.ports import Record, Stage
from handlers.traces import Stretch, Traces, end, end_unfinished
from schemas.fields import is_uuid
from schemas.headers import Headers

_log = structlog.get_logger(__name__)


class OutcomeLines(Protocol):
    """A line for each outcome that is worth one."""

    def wants(self, ended: Ended) -> bool: ...

    def write(self, lines: Sequence[Mapping[str, object]]) -> None: ...


@dataclass(slots=True)
class _Batch:
    """One in hand. Times are of a clock that only rises; its `zero` is `began_ns` of the other."""

    records: Sequence[Record]
    began_ns: int
    zero: int
    stage: Stage = Stage.INTAKE
    since: int = 0
    wave: int | None = None
    stretches: list[tuple[Stage, int, int, int | None]] = field(default_factory=list)
    spans: dict[tuple[int, int], tuple[Record, Span]] = field(default_factory=dict)
    waves: dict[tuple[int, int], int] = field(default_factory=dict)
    bookings: dict[UUID, Booking] = field(default_factory=dict)
    told: dict[int, list[Told]] = field(default_factory=dict)

    def enter(self, stage: Stage) -> None:
        now = perf_counter_ns()
        self.stretches.append((self.stage, self.since, now, self.wave))
        self.stage, self.since = stage, now

    def at_ns(self, moment: int) -> int:
        return self.began_ns + moment - self.zero


_in_hand: Final[ContextVar[_Batch | None]] = ContextVar("batch in hand", default=None)


class Watch:
    """Implements Onlooker; one batch at a time in each task, as its consumer does them."""

    def __init__(
        self,
        figures: MessageFigures,
        bookings: BookingFigures,
        traces: Traces,
        lines: OutcomeLines,
        clock: _Clock,
    ) -> None:
        self._figures = figures
        self._bookings = bookings
        self._traces = traces
        self._lines = lines
        self._clock = clock

    @property
    def _batch(self) -> _Batch:
        """Of the task that asks."""
        return _in_hand.get() or _Batch((), 0, 0)

    def begins(self, records: Sequence[Record]) -> None:
        now = perf_counter_ns()
        _in_hand.set(_Batch(records, time_ns(), now, since=now))

    def continued(self, record: Record, headers: Headers) -> Headers:
        """The headers, with the message's own span in place of its sender's where it has one."""
        if not self._traces.is_on:
            return headers
        batch = self._batch
        with _harmless():
            headers, span = self._traces.message(record, headers, batch.began_ns)
            if span is not None:
                batch.spans[record.partition, record.offset] = record, span
        return headers

    def at(self, stage: Stage) -> None:
        self._batch.enter(stage)

    def found(self, bookings: Mapping[UUID, Booking]) -> None:
        """The bookings that the batch is about, before it changes them."""
        self._batch.bookings.update(bookings)

    def wave(self, records: Sequence[Record]) -> None:
        """These are done side by side, from now until the next wave."""
        batch = self._batch
        batch.enter(Stage.RECALL)
        batch.wave = 0 if batch.wave is None else batch.wave + 1
        if batch.spans:
            batch.waves |= {(one.partition, one.offset): batch.wave for one in records}

    def recorded(self, closings: Sequence[Closing]) -> None:
        """The database has them."""
        with _harmless():
            self._bookings.recorded(closings, self._batch.bookings, self._clock())

    def ends(self, told: Sequence[Told]) -> None:
        """How the batch's messages ended; they count once they are published."""
        for one in told:
            self._batch.told.setdefault(one.record.partition, []).append(one)

    def published(self, partitions: Collection[int]) -> None:
        batch = self._batch
        if not partitions or not batch.records:
            return
        batch.wave = None
        batch.enter(Stage.PUBLISH)
        told = [one for partition in partitions for one in batch.told.pop(partition, ())]
        with _harmless():
            self._tell(batch, told)

    def _tell(self, batch: _Batch, told: Sequence[Told]) -> None:
        seconds = _seconds(batch)
        self._figures.batch(len(batch.records), seconds)
        self._figures.ends(told, self._clock())
        self._write(told, seconds)
        if batch.spans:
            self._trace(batch, told)

    def comes_again(self, partitions: Collection[int]) -> None:
        batch = self._batch
        for partition in partitions:
            batch.told.pop(partition, None)
        for at in [at for at in batch.spans if at[0] in partitions]:
            _, span = batch.spans.pop(at)
            with _harmless():
                end_unfinished(span)

    def _write(self, told: Sequence[Told], seconds: Mapping[str, float]) -> None:
        wanted = [one for one in told if self._lines.wants(one.ended)]
        if wanted:
            spent = {stage: round(each * 1000, 1) for stage, each in seconds.items()}
            now = self._clock()
            self._lines.write([_line(one, spent, now) for one in wanted])

    def _trace(self, batch: _Batch, told: Sequence[Told]) -> None:
        ends = {(one.record.partition, one.record.offset): one for one in told}
        stretches = [
            Stretch(stage, batch.at_ns(began), batch.at_ns(ended), wave)
            for stage, began, ended, wave in batch.stretches
        ]
        spans = [(span, batch.waves.get(at)) for at, (_, span) in batch.spans.items()]
        self._traces.batch(batch.records[0].topic, len(batch.records), spans, stretches)
        for at, (record, span) in batch.spans.items():
            end(span, ends.get(at), record, stretches[-1].ended_ns)
        batch.spans.clear()


class Unwatched:
    """The same where nobody looks on."""

    def begins(self, records: Sequence[Record]) -> None:
        pass

    def continued(self, record: Record, headers: Headers) -> Headers:
        return headers

    def at(self, stage: Stage) -> None:
        pass

    def found(self, bookings: Mapping[UUID, Booking]) -> None:
        pass

    def wave(self, records: Sequence[Record]) -> None:
        pass

    def recorded(self, closings: Sequence[Closing]) -> None:
        pass

    def ends(self, told: Sequence[Told]) -> None:
        pass

    def published(self, partitions: Collection[int]) -> None:
        pass

    def comes_again(self, partitions: Collection[int]) -> None:
        pass


UNWATCHED: Final = Unwatched()


class _Clock(Protocol):
    def __call__(self) -> datetime: ...


@contextmanager
def _harmless() -> Iterator[None]:
    """What is done is done: nobody's outcome may hang on the telling of it."""
    try:
        yield
    except Exception:  # noqa: BLE001 - and so a bug in it is said and no more
        _log.exception("a batch could not be told of")


def _seconds(batch: _Batch) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for stage, began, ended, _ in batch.stretches:
        seconds[stage.value] = seconds.get(stage.value, 0.0) + (ended - began) / 1e9
    seconds["whole"] = (batch.since - batch.zero) / 1e9
    return seconds


def _line(told: Told, spent: Mapping[str, float], now: datetime) -> dict[str, object]:
    """Ids of a stranger's choosing stand there only if they are UUIDs: nothing else is safe."""
    line: dict[str, object] = {
        "operation": told.operation,
        "status": told.ended.status,
        "code": told.ended.code,
        "message_id": told.message_id,
        "booking_id": told.booking_id,
        "correlation_id": _safe(told.correlation_id),
        "trace_id": told.traceparent[3:35].decode() if told.traceparent else None,
        "partition": told.record.partition,
        "offset": told.record.offset,
        "bytes": len(told.record.value or b""),
        "age_ms": round((now - told.sent).total_seconds() * 1000, 1),
        "ms": spent,
    }
    return {name: said for name, said in line.items() if said is not None}


def _safe(correlation_id: bytes | None) -> str | None:
    if correlation_id is None or len(correlation_id) != 36:
        return None
    text = correlation_id.decode("ascii", "replace")
    return text if is_uuid(text) else None
