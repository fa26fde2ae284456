"""One reading for everybody, equal to a slow and obvious one."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.strict_json import (
    MAX_BYTES,
    MAX_DEPTH,
    Unreadable,
    canonical_hash,
    json_bytes,
    parse,
    request_hash,
)


def _reference(raw: bytes) -> Any:
    """The rules once more, slowly, over the standard library."""
    if len(raw) > MAX_BYTES or raw.startswith(b"\xef\xbb\xbf"):
        raise ValueError
    value = json.loads(
        raw.decode("utf-8"),
        object_pairs_hook=_unique,
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_number,
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates fail here
    if _depth(value) > MAX_DEPTH:
        raise ValueError
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    if math.isinf(float(text)):
        raise ValueError
    return float(text)


def _number(text: str) -> int | float:
    number = _finite(text)
    return int(text) if len(text) < 21 and -(2**63) <= int(text) < 2**64 else number


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0


_texts = st.text(st.sampled_from('a:"\\{}[]é\u0000😀\n,'), max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)
_written = st.builds(
    lambda value, ascii_only, indent: json.dumps(
        value, ensure_ascii=ascii_only, indent=indent
    ).encode(),
    _values,
    st.booleans(),
    st.none() | st.just(1),
)
_fragments = st.sampled_from(
    [
        b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"a":', b'"\\u0061":1', b'"b:"',
        b'{"a":1}', b'"\\u003a"', b'"\\ud800"', b'"\\ud83d\\ude00"', b"\xff", b"\xed\xa0\x80",
        b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1e5", b"-0", b"0.10",
        b"18446744073709551616", b"null", b"true", b" ",
        b"\xef\xbb\xbf", b"\x00", b"[" * 33, b"]" * 33,
    ]
)  # fmt: skip
_hostile = st.lists(_fragments, max_size=12).map(b"".join) | st.binary(max_size=30)


@settings(max_examples=400)
@given(_written | _hostile)
@example(b'{"a":1,"a":1}')
@example(b'{"a":1,"\\u0061":1}')
@example(b'{"a":1,"a":"\\u003a"}')
@example(b'{"a:":1,"a\\u003a":1}')
@example(b'{"x":{"a":":","a":""}}')
@example(b'[{"a":1},{"a":2}]')
@example(b"[" * 32 + b"]" * 32)
@example(b"[" * 33 + b"]" * 33)
@example(b'{"a":' * 33 + b"1" + b"}" * 33)
@example(b"1" * 5000)
@example(b"-0")
def test_every_input_is_read_as_the_slow_reference_reads_it(raw: bytes) -> None:
    try:
        expected = _reference(raw)
    except (ValueError, RecursionError):
        with pytest.raises(Unreadable):
            parse(raw)
    else:
        assert repr(parse(raw)) == repr(expected)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":-Infinity}', "not JSON"),
        (b'{"a":1e999}', "not JSON"),
        (b'{"a":1,"a":1}', "twice"),
        (b'{"a":1,"\\u0061":2}', "twice"),
        (b'{"a\\u003a":1,"a:":2}', "twice"),
        (b'"\\ud800"', "not JSON"),
        (b'{"\\udfff":1}', "not JSON"),
        (b'"\xff"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 33 + b"]" * 33, "deep"),
        (b"[" * 100_000, "not JSON"),
        (b'"' + b"a" * MAX_BYTES + b'"', "bytes"),
        (b"", "not JSON"),
    ],
)
def test_what_parsers_disagree_about_is_unreadable(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse(raw)


def test_the_detail_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(Unreadable) as refused:
        parse(b'{"guest_email": "ada@example.org" oops}')
    assert "ada" not in refused.value.detail


def test_32_levels_and_256_kib_are_still_readable() -> None:
    assert _depth(parse(b"[" * 32 + b"]" * 32)) == 32
    assert len(parse(b'"' + b"a" * (MAX_BYTES - 2) + b'"')) == MAX_BYTES - 2


@given(_values)
def test_the_order_of_keys_and_white_space_do_not_change_the_content(value: Any) -> None:
    sent = parse(json.dumps({"a": value, "b": 1}).encode()) if _readable(value) else {"a": 1}
    turned = dict(reversed(sent.items()))
    assert canonical_hash("create_booking", "k", sent) == canonical_hash(
        "create_booking", "k", turned
    )


def _readable(value: Any) -> bool:
    try:
        _reference(json.dumps({"a": value}).encode())
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("create_booking", "k", {"n": 1}), ("create_booking", "k", {"n": 1.0})),
        (("create_booking", "k", {"n": 1}), ("create_booking", "l", {"n": 1})),
        (("create_booking", None, {"n": 1}), ("cancel_booking", None, {"n": 1})),
        (("create_booking", None, {}), ("create_booking", None, None)),
        (("create_booking", None, {"a": "1"}), ("create_booking", None, {"a": 1})),
    ],
)
def test_other_content_has_another_hash(one: Any, other: Any) -> None:
    assert canonical_hash(*one) != canonical_hash(*other)


def test_the_content_hash_stays_what_it_was() -> None:
    """Stored hashes are compared for ever; this value may never change."""
    sent = {"venue_id": "v", "party_size": 2, "metadata": {"é": [1.5, None, True]}}
    assert canonical_hash("create_booking", "key", sent) == (
        "8cde2b2b6817d84004f82af07c474a114beb02eada3fb007beaf46e4a84b0a1b"
    )
    assert request_hash("create_booking", sent) == (
        "27fa9c5d356b12ab783d08c352eb40b40003681bfb807261b41a6ecc944fbe9b"
    )


def test_json_is_written_compact() -> None:
    assert json_bytes({"a": [1, "é"]}) == '{"a":[1,"é"]}'.encode()
