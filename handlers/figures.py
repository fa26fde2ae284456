"""What is counted of messages and of bookings; a batch at a time, since an `add` costs what a
microsecond's work does.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from opentelemetry.metrics import Counter, Histogram, Meter

from domain.booking import Booking
from domain.commands import ExpireBooking
from domain.lifecycle import Status
from domain.outcome import Accepted, Settled
from handlers.closings import Closing
from handlers.ended import Told
from schemas.instruments import NO_METER, Gauge, counter, gauge, histogram
from schemas.measures import (
    AGE,
    BATCH_RECORDS,
    BOOKINGS_CREATED,
    EXPIRY_DELAY,
    OUTCOMES,
    PARTITIONS_AHEAD,
    RETIRED,
    STAGE,
    TRANSITIONS,
    VALUE,
)


@dataclass(frozen=True, slots=True)
class MessageFigures:
    """Of commands or queries; each of them once, when its reply is committed."""

    kind: str  # command, query
    outcomes: Counter
    age: Histogram
    records: Histogram
    stage: Histogram

    @classmethod
    def by(cls, meter: Meter, kind: str) -> MessageFigures:
        return cls(
            kind,
            counter(meter, OUTCOMES),
            histogram(meter, AGE),
            histogram(meter, BATCH_RECORDS),
            histogram(meter, STAGE),
        )

    def batch(self, records: int, seconds: Mapping[str, float]) -> None:
        """One that is published; `seconds` by stage."""
        self.records.record(records, {"kind": self.kind})
        for stage, spent in seconds.items():
            self.stage.record(spent, {"kind": self.kind, "stage": stage})

    def ends(self, told: Sequence[Told], now: datetime) -> None:
        tally = Tally((one.operation, one.ended.code) for one in told)
        for (operation, code), count in tally.items():
            self.outcomes.add(count, {"kind": self.kind, "operation": operation, "code": code})
        labels = {"kind": self.kind}
        for one in told:
            self.age.record(max(0.0, (now - one.sent).total_seconds()), labels)


@dataclass(frozen=True, slots=True)
class BookingFigures:
    """Of bookings; each change once, when the database has it."""

    created: Counter
    transitions: Counter
    value: Counter
    expiry_delay: Histogram

    @classmethod
    def by(cls, meter: Meter) -> BookingFigures:
        return cls(
            counter(meter, BOOKINGS_CREATED),
            counter(meter, TRANSITIONS),
            counter(meter, VALUE),
            histogram(meter, EXPIRY_DELAY),
        )

    def recorded(
        self, closings: Sequence[Closing], before: MutableMapping[UUID, Booking], now: datetime
    ) -> None:
        """`before`: the bookings as they were; afterwards as they are."""
        made: Tally[tuple[str, str]] = Tally()
        moved: Tally[tuple[str, str]] = Tally()
        money: Tally[tuple[str, str, str]] = Tally()
        for closing in closings:
            accepted = closing.ended.change if isinstance(closing.ended, Settled) else closing.ended
            if not isinstance(accepted, Accepted):
                continue
            booking = accepted.booking
            venue, was = booking.venue.type.value, before.get(booking.id)
            if was is None and booking.version == 1:
                made[venue, "fallback" if booking.price.is_fallback else "quoted"] += 1
            history = accepted.history
            if history is not None and history.from_status is not None:
                moved[venue, history.to_status.value] += 1
            for flow, amount in _flows(booking, was):
                money[venue, booking.price.total.currency, flow] += amount  # type: ignore[assignment]  # a float counts as well
            if was is not None and isinstance(closing.begun.item.command, ExpireBooking):
                self._expired(was, booking, now)
            before[booking.id] = booking
        for (venue, source), count in made.items():
            self.created.add(count, {"venue_type": venue, "price_source": source})
        for (venue, status), count in moved.items():
            self.transitions.add(count, {"venue_type": venue, "to_status": status})
        for (venue, currency, flow), amount in money.items():
            self.value.add(amount, {"venue_type": venue, "currency": currency, "flow": flow})

    def _expired(self, was: Booking, booking: Booking, now: datetime) -> None:
        if was.expires_at is not None and booking.status is Status.EXPIRED:
            self.expiry_delay.record(max(0.0, (now - was.expires_at).total_seconds()))


def _flows(booking: Booking, was: Booking | None) -> list[tuple[str, float]]:
    """What moved between two states: asked with the first, and every later rise."""
    if was is None and booking.version > 1:
        return []
    payment = booking.payment
    flows = [("booked", float(booking.price.total.amount))] if was is None else []
    paid, refunded = payment.paid.amount, payment.refunded.amount
    if was is not None and was.payment.paid.currency == payment.paid.currency:
        paid -= was.payment.paid.amount
        refunded -= was.payment.refunded.amount
    return [*flows, *((f, float(m)) for f, m in (("paid", paid), ("refunded", refunded)) if m > 0)]


@dataclass(frozen=True, slots=True)
class RetentionFigures:
    """What has had its time, and how long there is room for what comes."""

    rows: Counter
    ahead: Gauge

    @classmethod
    def by(cls, meter: Meter) -> RetentionFigures:
        return cls(counter(meter, RETIRED), gauge(meter, PARTITIONS_AHEAD))

    def retired(self, rows: Mapping[str, int], ahead: Mapping[str, timedelta]) -> None:
        """Rows that went, and the time that tables have partitions for, both by table."""
        for table, count in rows.items():
            self.rows.add(count, {"table": table})
        for table, left in ahead.items():
            self.ahead.set(left.total_seconds(), {"table": table})


NO_RETENTION_FIGURES: Final = RetentionFigures.by(NO_METER)
