"""Inputs that nobody thought of: lines of a recipe at random, their bytes, and inputs crossed.

The same ones each time, so that a failure is the change's own; `make fuzz` looks further.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import everything
from tests.fuzz.crafting import VERBS
from tests.fuzz.targets import command, query

MOST_BYTES: Final = 300_000
EXAMPLES: Final = 500

_NAMES: Final = st.sampled_from(
    [
        *("authorization", "correlation_id", "reply_to", "reply_partition", "deadline"),
        *("traceparent", "tracestate", "kafka_correlationId", "kafka_replyTopic"),
        *("kafka_replyPartition", "service-origin", "service-principal", "service-signature"),
        *("dlq_reason", "content-type", "", "\u202e"),
    ]
)
_FIELDS: Final = st.sampled_from(
    [
        *("type", "command_id", "query_id", "idempotency_key", "data", "venue_id", "booking_id"),
        *("booking_time", "end_time", "duration_minutes", "party_size", "guest_name", "metadata"),
        *("venue_time_zone", "guest_id", "status", "cursor", "limit", "from", "reason", "x"),
        *("special_requests", "internal_notes", "expected_version", "refund_amount", "source"),
    ]
)
_ODD: Final = st.sampled_from(
    [
        *("null", "true", "[]", "{}", '""', "1e400", "-0", "NaN", "1e-400", "18446744073709551616"),
        *('"\\u0000"', '"\\ud800"', '"=1+1"', '"\\u001b[2J"', '"2026-06-02T12:00:00Z"', '"web"'),
        *('"9998-12-31T23:59:59Z"', '"booking.commands"', '"\u202e"', '{"a":{"a":[]}}', "0.1"),
    ]
)


def _line(verb: bytes, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(lambda found: verb + "".join(found).encode("utf-8", "replace"))


_TEXT: Final = st.text(st.characters(exclude_characters="\n"), max_size=20)
_JSON: Final = _ODD | _TEXT.map(lambda text: f'"{text}"') | st.integers().map(str)
_EQUALS: Final = st.just("=")
_COUNT: Final = st.sampled_from(["2 ", "40 ", "5000 "])
LINES: Final = st.one_of(
    *(_line(verb, _FIELDS, _EQUALS, _JSON) for verb in (b"F", b"f", b"E", b"e")),
    _line(b"D", _JSON),
    _line(b"H", _NAMES, _EQUALS, _TEXT | _ODD),
    *(_line(verb, _COUNT, _NAMES, _EQUALS, _TEXT) for verb in (b"N", b"B")),
    _line(b"0", _NAMES),
    _line(b"X", _NAMES),
    _line(b"*", _COUNT, _TEXT),
    _line(b"P", st.integers(0, 200).map(lambda at: f"{at} "), _TEXT),
    st.sampled_from([b"S", b"@1", b"0", b"V", b"K", b"k5000 k", b"A", b"ABearer a.b.c"]),
    *(
        _line(b"M", st.sampled_from(names))
        for names in (
            ("create_booking", "update_booking", "cancel_booking", "update_booking_status"),
            ("list_guest_bookings", "check_availability", "get_booking", "get_booking_history"),
        )
    ),
    st.tuples(st.sampled_from(list(VERBS)), st.binary(max_size=30)).map(
        lambda found: bytes([found[0]]) + found[1]
    ),
)
RECIPES: Final = st.lists(LINES, min_size=1, max_size=8).map(b"\n".join)
_SMALL: Final = [text for _, _, text in everything() if len(text) < 2000]
CROSSED: Final = st.tuples(st.sampled_from(_SMALL), st.sampled_from(_SMALL), RECIPES).map(
    b"\n".join
)
MUTATED: Final = st.tuples(
    st.sampled_from(_SMALL), st.integers(0, 2000), st.binary(max_size=8)
).map(lambda found: found[0][: found[1]] + found[2] + found[0][found[1] + len(found[2]) :])

explored = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@explored
@given(RECIPES | CROSSED | MUTATED)
def test_nobody_is_hurt_by_any_command(text: bytes) -> None:
    command(text, MOST_BYTES)


@explored
@given(RECIPES | CROSSED | MUTATED)
def test_nobody_is_hurt_by_any_query(text: bytes) -> None:
    query(text, MOST_BYTES)
