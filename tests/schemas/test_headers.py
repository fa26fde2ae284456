"""Headers from strangers: understood, or as if absent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.headers import MAX_BYTES, Headers, Malformed, reply_topic

_TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def _read(*headers: tuple[str, bytes | None]) -> Headers:
    return Headers.of(headers)


def test_no_headers_say_nothing() -> None:
    assert _read() == _read(("x-other", b"1")) == Headers()


def test_all_headers_of_a_usual_client_are_read() -> None:
    assert _read(
        ("authorization", b"Bearer t"),
        ("correlation_id", "clé".encode()),
        ("reply_to", b"booking.replies.shop"),
        ("reply_partition", b"3"),
        ("deadline", b"2030-05-17T19:00:00Z"),
        ("traceparent", _TRACE),
        ("tracestate", b"a=1"),
        ("content-type", b"application/json"),
    ) == Headers(
        authorization=b"Bearer t",
        correlation_id="clé".encode(),
        reply_to="booking.replies.shop",
        reply_partition=3,
        deadline=datetime(2030, 5, 17, 19, tzinfo=UTC),
        traceparent=_TRACE,
        tracestate=b"a=1",
    )


def test_spring_clients_are_understood_as_they_are() -> None:
    headers = _read(
        ("kafka_correlationId", b"\xff\x00\x01"),
        ("kafka_replyTopic", b"booking.replies"),
        ("kafka_replyPartition", b"\x00\x00\x01\x02"),
    )
    assert headers.correlation_id == headers.spring_correlation_id == b"\xff\x00\x01"
    assert headers.reply_to == "booking.replies"
    assert headers.reply_partition == 258


def test_our_own_headers_win_over_springs() -> None:
    headers = _read(
        ("kafka_correlationId", b"\x01"),
        ("correlation_id", b"mine"),
        ("kafka_replyTopic", b"spring"),
        ("reply_to", b"mine"),
        ("kafka_replyPartition", b"\x00\x00\x00\x07"),
        ("reply_partition", b"2"),
    )
    assert (headers.correlation_id, headers.spring_correlation_id) == (b"mine", b"\x01")
    assert (headers.reply_to, headers.reply_partition) == ("mine", 2)


@pytest.mark.parametrize(
    "headers",
    [
        [("correlation_id", None)],
        [("correlation_id", b"")],
        [("correlation_id", b"\xff")],
        [("correlation_id", b"x" * (MAX_BYTES + 1))],
        [("correlation_id", b"a"), ("correlation_id", b"a")],
        [("kafka_correlationId", b"x" * (MAX_BYTES + 1))],
        [("kafka_correlationId", b"a"), ("kafka_correlationId", b"a")],
    ],
)
def test_a_correlation_id_that_cannot_be_echoed_counts_as_absent(headers: Any) -> None:
    assert Headers.of(headers) == Headers()


@pytest.mark.parametrize(
    "value", [None, b"", b"soon", b"2030-05-17T19:00:00", b"\xff", b"1" * 2000]
)
def test_a_deadline_that_cannot_be_understood_is_told_apart_from_none(value: bytes | None) -> None:
    deadline = _read(("deadline", value)).deadline
    assert deadline is (None if value is None else Malformed.MALFORMED)


def test_two_deadlines_are_none_that_can_be_understood() -> None:
    at = ("deadline", b"2030-05-17T19:00:00Z")
    assert _read(at, at).deadline is Malformed.MALFORMED


@pytest.mark.parametrize("value", [b"\xff", b"", b"x" * 2000])
def test_a_reply_topic_that_cannot_be_read_is_refused_and_not_forgotten(value: bytes) -> None:
    for name in ("reply_to", "kafka_replyTopic"):
        requested = _read((name, value)).reply_to
        assert reply_topic(requested, ["booking.replies"], "booking.replies")[1]


@pytest.mark.parametrize("value", [b"-1", b"one", b"\xd9\xa2", b"99999999999", b"1.0", b" 1", b""])
def test_a_reply_partition_that_is_no_number_is_out_of_range(value: bytes) -> None:
    assert _read(("reply_partition", value)).reply_partition == -1


@pytest.mark.parametrize("value", [b"", b"1", b"\x00\x00\x00", b"\x00" * 5, b"\xff" * 4])
def test_springs_partition_is_four_bytes_and_not_negative(value: bytes) -> None:
    assert _read(("kafka_replyPartition", value)).reply_partition == -1


def test_two_tokens_are_none() -> None:
    assert _read(("authorization", b"a"), ("authorization", b"b")).authorization is None


@pytest.mark.parametrize(
    "value",
    [
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"ff" + _TRACE[2:],
        _TRACE.upper(),
        _TRACE + b"-extra",
        _TRACE[:-1],
        _TRACE + b"\n",
        b"01" + _TRACE[2:] + b"-" + b"x" * 2000,
    ],
)
def test_an_invalid_trace_is_dropped(value: bytes) -> None:
    headers = _read(("traceparent", value), ("tracestate", b"a=1"))
    assert (headers.traceparent, headers.tracestate) == (None, None)


def test_a_trace_of_a_later_version_may_be_longer() -> None:
    later = b"01" + _TRACE[2:] + b"-more"
    assert _read(("traceparent", later)).traceparent == later


@pytest.mark.parametrize(
    ("requested", "topic", "refused"),
    [
        (None, "booking.replies", False),
        ("booking.replies", "booking.replies", False),
        ("booking.replies.shop", "booking.replies.shop", False),
        ("booking.repliesX", "booking.replies", True),
        ("booking.events", "booking.replies", True),
        ("booking", "booking.replies", True),
        ("", "booking.replies", True),
        ("answers.shop", "answers.shop", False),
    ],
)
def test_a_reply_goes_where_it_may_go(requested: str | None, topic: str, refused: bool) -> None:
    allowed = ["booking.replies", "answers"]
    assert reply_topic(requested, allowed, "booking.replies") == (topic, refused)


_names = st.sampled_from(
    [
        "authorization", "correlation_id", "reply_to", "reply_partition", "deadline", "traceparent",
        "tracestate", "kafka_correlationId", "kafka_replyTopic", "kafka_replyPartition",
        "service-signature", "service-origin", "x-\udcff",
    ]
)  # fmt: skip
_headers = st.lists(st.tuples(_names | st.text(max_size=5), st.none() | st.binary(max_size=80)))


@given(_headers)
@example([("deadline", b"0000-00-00T00:00:00Z")])
@example([("deadline", b"9998-12-31T23:59:59.999999-23:59")])
def test_no_headers_raise(headers: list[tuple[str, bytes | None]]) -> None:
    read = Headers.of(headers)
    if read.correlation_id is not None and read.correlation_id != read.spring_correlation_id:
        read.correlation_id.decode()
