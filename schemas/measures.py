"""Every figure that the service gives about itself: its name, kind, unit, labels and meaning.

The one source of docs/metrics.md and of what dashboards and alerts may ask for. Labels are words
from short lists, never ids, so that the number of series stays small however busy the day is.
Prometheus sees a name with `_` for `.`, the unit behind it, and `_total` behind a counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Shape(StrEnum):
    """How a figure behaves: only rises, goes up and down, or is spread over buckets."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure; `unit` is UCUM as OpenTelemetry wants it, a count's in braces."""

    name: str
    shape: Shape
    unit: str
    meaning: str
    labels: Mapping[str, str] = field(default_factory=dict)  # name to what it may say
    buckets: tuple[float, ...] = ()  # upper bounds, of a histogram


_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_RECORDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)

_VENUE = {"venue_type": "hotel, restaurant, cafe, retail"}
_OPERATION = {"operation": "the command's or query's type; `unreadable` where it has none"}
_KIND = {"kind": "command, query"}
_PARTNER = {"partner": "inventory, pricing, payment"}
_CALL = _PARTNER | {
    "call": "check, reserve, update, release; calculate, estimate; intent, confirm, find, refund"
}

BOOKINGS_CREATED: Final = Measure(
    "booking.bookings.created",
    Shape.COUNTER,
    "{booking}",
    "Bookings made.",
    _VENUE | {"price_source": "quoted, fallback"},
)
TRANSITIONS: Final = Measure(
    "booking.bookings.transitions",
    Shape.COUNTER,
    "{booking}",
    "Changes of status; cancellations are those to `cancelled`.",
    _VENUE | {"to_status": "confirmed, cancelled, expired, checked_in, completed, no_show"},
)
VALUE: Final = Measure(
    "booking.bookings.value",
    Shape.COUNTER,
    "{currency_unit}",
    "Money of bookings, in whole units of the currency: asked when made, paid, and given back.",
    _VENUE | {"currency": "ISO 4217", "flow": "booked, paid, refunded"},
)
OUTCOMES: Final = Measure(
    "booking.messages.outcomes",
    Shape.COUNTER,
    "{message}",
    "Commands and queries that came to an end, each once; a repeat counts as `replayed`.",
    _KIND | _OPERATION | {"code": "ok, replayed, or the code of contract 6"},
)
AGE: Final = Measure(
    "booking.messages.age",
    Shape.HISTOGRAM,
    "s",
    "From the sender's record's broker timestamp to the commit of its reply.",
    _KIND,
    _LONG,
)
BATCH_RECORDS: Final = Measure(
    "booking.batches.records", Shape.HISTOGRAM, "{record}", "Records of a batch.", _KIND, _RECORDS
)
STAGE: Final = Measure(
    "booking.batches.stage.duration",
    Shape.HISTOGRAM,
    "s",
    "Time that a batch spends in each stage.",
    _KIND | {"stage": "intake, survey, recall, questions, partners, record, publish, whole"},
    _SECONDS,
)
RETRIES: Final = Measure(
    "booking.batches.retries",
    Shape.COUNTER,
    "{batch}",
    "Parts of batches that are fetched again, by what was in the way.",
    {"reason": "opening, database, kafka, keys, lane_lost, fenced, timeout, failure"},
)
FORWARDED: Final = Measure(
    "booking.records.forwarded", Shape.COUNTER, "{record}", "Commands sent on to their home."
)
DEAD_LETTERS: Final = Measure(
    "booking.dead_letters",
    Shape.COUNTER,
    "{record}",
    "Records set aside in the dead-letter topic.",
    {"reason": "unreadable, poison, bug, reply_refused"},
)
LAG: Final = Measure(
    "booking.consumer.lag",
    Shape.GAUGE,
    "{record}",
    "Records of an assigned partition that are not done yet.",
    {"topic": "after the prefix: commands, queries", "partition": "its number"},
)
LANES_OPEN: Final = Measure(
    "booking.lanes.open", Shape.GAUGE, "{lane}", "Lanes that this worker has open."
)
LANES_OPENED: Final = Measure(
    "booking.lanes.opened", Shape.COUNTER, "{lane}", "Lanes opened by this worker."
)
LANES_FENCED: Final = Measure(
    "booking.lanes.fenced",
    Shape.COUNTER,
    "{lane}",
    "Lanes that another worker took from this one while it thought them its own.",
    {"by": "kafka, database"},
)
PARTNER_CALL: Final = Measure(
    "booking.partners.call.duration",
    Shape.HISTOGRAM,
    "s",
    "A whole call with all its attempts.",
    _CALL | {"result": "answered, refused, unavailable, not_asked (breaker open)"},
    _SECONDS,
)
PARTNER_FAILURES: Final = Measure(
    "booking.partners.failures",
    Shape.COUNTER,
    "{attempt}",
    "Attempts without a usable answer.",
    _CALL | {"reason": "timeout, connection, status, garbled, failed"},
)
BREAKER_OPEN: Final = Measure(
    "booking.partners.breaker.open",
    Shape.GAUGE,
    "{breaker}",
    "1 while the partner is left alone after failures in a row.",
    _PARTNER,
)
PARTNER_ADDRESSES: Final = Measure(
    "booking.partners.addresses",
    Shape.GAUGE,
    "{address}",
    "Addresses known of a partner.",
    _PARTNER | {"state": "serving, resting"},
)
UNDO_OWED: Final = Measure(
    "booking.undo.owed",
    Shape.GAUGE,
    "{effect}",
    "Effects at partners that still have to be given back; more than 10,000 are not counted.",
)
UNDO_AGE: Final = Measure(
    "booking.undo.oldest.age", Shape.GAUGE, "s", "Since when the oldest of them is owed."
)
EXPIRY_DELAY: Final = Measure(
    "booking.expiry.delay",
    Shape.HISTOGRAM,
    "s",
    "From a booking's `expires_at` to its expiry.",
    {},
    _LONG,
)
POOL: Final = Measure(
    "booking.database.connections",
    Shape.GAUGE,
    "{connection}",
    "Connections of a pool.",
    {"pool": "writing, reading, replica", "state": "used, idle"},
)
CACHE_LOOKUPS: Final = Measure(
    "booking.cache.lookups",
    Shape.COUNTER,
    "{lookup}",
    "Look-ups in the short-lived caches of queries.",
    {"cache": "availability, reference", "result": "hit, miss"},
)
REPLICA_READS: Final = Measure(
    "booking.replica.reads",
    Shape.COUNTER,
    "{lookup}",
    "Look-ups that could go to the read replica, by who answered them; a history takes two.",
    {"answered_by": "replica, primary"},
)
RETIRED: Final = Measure(
    "booking.retention.retired",
    Shape.COUNTER,
    "{row}",
    "Rows, or whole partitions of them, whose time was over.",
    {"table": "the table's name"},
)
PARTITIONS_AHEAD: Final = Measure(
    "booking.retention.ahead",
    Shape.GAUGE,
    "s",
    "How far into the future a partitioned table has partitions.",
    {"table": "the table's name"},
)
READY: Final = Measure(
    "booking.worker.ready",
    Shape.GAUGE,
    "{worker}",
    "1 while the worker has its share or stands by; 0 while it waits for what is away.",
)

MEASURES: Final = tuple(
    measure for measure in list(globals().values()) if isinstance(measure, Measure)
)
