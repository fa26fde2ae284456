"""Money and text from strangers, and how long to wait for them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from adapters.partners.exchange import GarbledError
from adapters.partners.retry import pause_seconds, retry_after_seconds
from adapters.partners.wire import Id, Instant, in_utc, money, printable, reader, reason_of


class Told(msgspec.Struct):
    id: Id
    at: Instant | None = None


READ = reader(Told)


@pytest.mark.parametrize(
    ("sent", "currency", "text"),
    [
        (b"110.00", "EUR", "110.00"),
        (b'"110.00"', "EUR", "110.00"),
        (b"0.1", "EUR", "0.10"),
        (b"1000000000000", "EUR", None),
        (b"999999999999.99", "EUR", "999999999999.99"),
        (b"1E+2", "JPY", "100"),
        (b"0", "EUR", "0.00"),
        (b"1.5", "JPY", None),
        (b"-0.01", "EUR", None),
        (b"-0", "EUR", None),
        (b'"1_0"', "EUR", None),
        (b'" 1"', "EUR", None),
        (b'""', "EUR", None),
        (b'"NaN"', "EUR", None),
        (b'"Infinity"', "EUR", None),
        (b"1e99", "EUR", None),
        (b"null", "EUR", None),
        (b"true", "EUR", None),
        (b'"\xd9\xa1"', "EUR", None),  # an Arabic one
        (b"1", "eur", None),
        (b"1", "", None),
    ],
)
def test_an_amount_is_exact_or_garbage(sent: bytes, currency: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(GarbledError):
            money(msgspec.Raw(sent), currency)
    else:
        assert money(msgspec.Raw(sent), currency).text() == text


@pytest.mark.parametrize(
    "sent",
    [
        *(b"{}", b'{"id":""}', b'{"id":1}', b'{"id":null}', b'{"id":"a"} x'),
        *(b'{"id":"a\\u0000"}', b'{"id":"\\ud800"}', b'{"id":"\xff"}'),
        *(b'{"id":"a","at":"2027-01-01T00:00:00"}', b'{"id":"a","at":0}'),
    ],
)
def test_ids_and_times_are_read_strictly(sent: bytes) -> None:
    with pytest.raises(GarbledError):
        READ(sent)


def test_an_id_may_hold_everything_but_control_characters() -> None:
    refused = [*range(0x20), 0x7F]
    for code in (*range(0x100), 0xD7FF, 0xE000, 0x10FFFF):
        sent = msgspec.json.encode({"id": f"a{chr(code)}"})
        if code in refused:
            with pytest.raises(GarbledError):
                READ(sent)
        else:
            assert READ(sent).id == f"a{chr(code)}"


@pytest.mark.parametrize("length", [1, 255, 256])
def test_an_id_has_a_length(length: int) -> None:
    sent = msgspec.json.encode({"id": "é" * length})
    if length > 255:
        with pytest.raises(GarbledError):
            READ(sent)
    else:
        assert READ(sent).id == "é" * length


def test_unknown_fields_are_ignored() -> None:
    assert READ(b'{"id":"a","new":[1]}').id == "a"


def test_a_time_beyond_the_calendar_is_garbage() -> None:
    at = READ(b'{"id":"a","at":"9999-12-31T23:59:00-12:00"}').at
    with pytest.raises(GarbledError):
        in_utc(at)


def test_a_refusal_needs_no_readable_body() -> None:
    assert reason_of(b"<html>") is None
    assert reason_of(b'{"reason":"","detail":"full","error":"x"}') == "full"


def test_free_text_is_made_harmless() -> None:
    assert printable("a\x00b\nc" + "d" * 300) == "abc" + "d" * 195


def test_pauses_grow_and_have_jitter() -> None:
    assert [pause_seconds(n, 1.0) for n in (1, 2, 3, 9)] == [0.1, 0.2, 0.4, 2.0]
    assert pause_seconds(1, 0.0) == 0.05


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("2", 2.0),
        ("Mon, 01 Mar 2027 18:00:05 GMT", 5.0),
        ("Mon, 01 Mar 2027 17:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("9" * 400, 999_999_999.0),
        (f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT", None),
        (f"Mon, 01 Jan 2027 00:00:00 +{'9' * 30}", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, datetime(2027, 3, 1, 18, tzinfo=UTC)) == seconds
