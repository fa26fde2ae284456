"""The chain: whatever one changes in it, takes out or puts in, is found and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.audit_chain import (
    BEGINNING,
    COLUMNS,
    Anchor,
    ChainKeys,
    Verifier,
    canonical,
    linked,
)
from handlers.ports import AuditEntry, AuditRow, Coordinates, Effect, Head, Kind

KEYS = ChainKeys({"k2": b"2" * 32, "k1": b"1" * 32})
AT = datetime(2026, 6, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ID = UUID("00000000-0000-4000-8000-0000000000a1")
ENTRY = AuditEntry(
    chain="booking.commands/3",
    kind=Kind.COMMAND,
    role="guest",
    subject=str(ID),
    operation="create_booking",
    effect=Effect.CREATED,
    message_id=ID,
    at=Coordinates("booking.commands", 1, 17, 1_780_000_000_000),
    booking_id=ID,
    booking_reference="BR-20260602-ABCDEFGH",
    guest_id=ID,
    venue_id=ID,
    version=1,
    shown=(ID, ID),
)


def a_chain(length: int, chain: str = "c") -> list[dict[str, Any]]:
    entries = [replace(ENTRY, chain=chain, version=number) for number in range(length)]
    return [dict(row) for row in linked(entries, AT, {}, KEYS)]


def breaks(
    rows: Sequence[AuditRow], anchors: Sequence[Anchor] = (), pruned: Sequence[Anchor] = ()
) -> list[tuple[str, int]]:
    verifier = Verifier(KEYS, anchors, pruned)
    found = [broken for row in rows if (broken := verifier.take(row))] + verifier.missing()
    return [(broken.chain, broken.sequence) for broken in found]


def anchor_of(row: Mapping[str, Any]) -> Anchor:
    return Anchor(row["chain"], row["sequence"], row["hash"])


def test_what_is_hashed_is_this_and_nothing_else() -> None:
    """Somebody else's program can verify the log; so these bytes are a promise."""
    (row,) = linked([ENTRY], AT, {"booking.commands/3": Head(4, "ab" * 32)}, KEYS)
    assert canonical(row).decode() == (
        '["booking audit 1","booking.commands/3",5,"2026-06-01T12:00:00.123456+00:00","command",'
        f'"guest","{ID}","create_booking","allowed",null,"created","{ID}","booking.commands",1,17,'
        f'1780000000000,"{ID}","BR-20260602-ABCDEFGH","{ID}","{ID}",1,"{ID},{ID}","k2",'
        f'"{"ab" * 32}"]'
    )
    expected = "828959db5a760938ba954e90d2bf8333f0f9c980d3c4084d961e4565812eb2eb"
    assert row["hash"] == expected  # as `openssl dgst -mac HMAC` gives it


def test_a_chain_as_it_was_written_is_whole() -> None:
    rows = [*a_chain(5), *a_chain(3, "other")]
    assert breaks(rows) == []
    assert breaks([]) == []


def test_the_first_entry_follows_nothing() -> None:
    assert a_chain(1)[0]["previous"] == BEGINNING.hash


def test_the_time_is_the_same_whatever_zone_it_is_told_in() -> None:
    (here,) = linked([ENTRY], AT, {}, KEYS)
    (there,) = linked([ENTRY], AT.astimezone(timezone(timedelta(hours=9))), {}, KEYS)
    assert here == there


def test_entries_of_one_write_follow_each_other_in_their_own_chains() -> None:
    mixed = [replace(ENTRY, chain=chain) for chain in ("a", "b", "a", "b", "a")]
    rows = linked(mixed, AT, {"b": Head(7, "00" * 32)}, KEYS)
    assert [(row["chain"], row["sequence"]) for row in rows] == [
        ("a", 1),
        ("b", 8),
        ("a", 2),
        ("b", 9),
        ("a", 3),
    ]
    assert rows[2]["previous"] == rows[0]["hash"]
    assert rows[3]["previous"] == rows[1]["hash"]


values = st.one_of(st.none(), st.integers(-(2**62), 2**62), st.text(max_size=40))


@given(
    length=st.integers(1, 6),
    at=st.integers(0, 5),
    column=st.sampled_from([*COLUMNS, "hash"]),
    value=values,
)
def test_any_changed_field_is_found(length: int, at: int, column: str, value: object) -> None:
    rows = a_chain(length)
    row = rows[at % length]
    if column == "sequence":
        value = len(str(value)) + 7  # a column of whole numbers
    if row[column] == value:
        return
    row[column] = value
    assert breaks(rows)


@given(
    length=st.integers(2, 7),
    one=st.integers(0, 6),
    other=st.integers(0, 6),
    deed=st.sampled_from(["take out", "swap", "swap places", "double", "another chain"]),
)
def test_what_is_taken_out_put_in_or_swapped_is_found(
    length: int, one: int, other: int, deed: str
) -> None:
    rows = a_chain(length)
    last = anchor_of(rows[-1])
    one, other = one % length, other % length
    match deed:
        case "take out":
            del rows[one]
        case "swap":
            rows[one], rows[other] = rows[other], rows[one]
        case "swap places":  # the contents change places, the rows keep theirs
            mine, theirs = rows[one]["sequence"], rows[other]["sequence"]
            rows[one], rows[other] = rows[other], rows[one]
            rows[one]["sequence"], rows[other]["sequence"] = mine, theirs
        case "double":
            rows.insert(other, dict(rows[one]))
        case _:
            rows[one] = a_chain(length, "other")[one] | {"chain": "c"}
    if one == other and deed.startswith("swap"):
        assert breaks(rows, [last]) == []
    else:
        assert breaks(rows, [last])


@given(st.lists(st.booleans(), min_size=2, max_size=8))
def test_entries_of_two_pasts_do_not_mix(from_the_other: list[bool]) -> None:
    """Each was written there once, under the key: before and after a backup was restored."""
    length = len(from_the_other)
    one = a_chain(length)
    other = [dict(r) for r in linked([replace(ENTRY, chain="c")] * length, AT, {}, KEYS)]
    mixed = [other[n] if it else one[n] for n, it in enumerate(from_the_other)]
    changes = [n + 1 for n in range(1, length) if from_the_other[n] != from_the_other[n - 1]]
    assert breaks(mixed) == [("c", place) for place in changes]


def test_who_has_no_key_cannot_link() -> None:
    forged = ChainKeys({"k2": b"?" * 32})
    rows = [dict(row) for row in linked([replace(ENTRY, chain="c")] * 3, AT, {}, forged)]
    assert breaks(rows) == [("c", 1), ("c", 2), ("c", 3)]


def test_a_retired_key_still_verifies_and_an_unknown_one_is_named() -> None:
    old = ChainKeys({"k1": b"1" * 32})
    rows = linked([replace(ENTRY, chain="c")] * 2, AT, {}, old)
    head = Head(2, str(rows[-1]["hash"]))
    rows += linked([replace(ENTRY, chain="c")], AT, {"c": head}, KEYS)
    assert [row["key_id"] for row in rows] == ["k1", "k1", "k2"]
    assert breaks(rows) == []
    broken = Verifier(ChainKeys({"k2": b"2" * 32})).take(rows[0])
    assert broken is not None
    assert "key k1 is not among" in broken.why


def test_after_a_break_the_rest_is_judged_by_what_stands_there() -> None:
    """So that one sees how much is touched: a changed field is one break, not all that follow."""
    rows = a_chain(9)
    rows[2]["subject"] = "somebody else"
    del rows[5]
    assert breaks(rows) == [("c", 3), ("c", 7)]


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_tail_that_was_cut_off_is_found_with_an_anchor(cut: int) -> None:
    rows = a_chain(4)
    anchor = anchor_of(rows[-1])
    assert breaks(rows[:-cut]) == [], "without one nothing can be seen"
    assert breaks(rows[:-cut], [anchor]) == [("c", 4)]


def test_a_tail_that_was_written_anew_is_found_with_an_anchor() -> None:
    """By somebody who has the key, too."""
    rows = a_chain(4)
    anew = a_chain(2) + [
        dict(row)
        for row in linked(
            [replace(ENTRY, chain="c", version=99)] * 2,
            AT,
            {"c": Head(2, str(rows[1]["hash"]))},
            KEYS,
        )
    ]
    assert breaks(anew) == []
    assert breaks(anew, [anchor_of(rows[-1])]) == [("c", 4)]


def test_a_whole_chain_that_is_gone_is_found_with_an_anchor() -> None:
    gone = anchor_of(a_chain(3, "gone")[-1])
    assert breaks(a_chain(2), [gone]) == [("gone", 3)]


def test_what_was_pruned_up_to_an_anchor_is_no_break() -> None:
    """The entry that the anchor names is the first that is kept."""
    rows = a_chain(6)
    kept, anchor = rows[3:], anchor_of(rows[3])
    assert breaks(kept) == [("c", 4)]
    assert breaks(kept, [anchor]) == [("c", 4)], "or whoever removes entries needs only an anchor"
    assert breaks(kept, [], [anchor]) == []
    assert breaks(kept, [anchor_of(rows[0])], [anchor]) == [], "an older one says nothing more"
    assert breaks(rows[4:], [], [anchor]) == [("c", 5)], "more than was meant"
    assert breaks([], [], [anchor]) == [("c", 4)], "nor may the entry itself go"
    forged = replace(anchor, hash="00" * 32)
    assert breaks(kept, [], [forged]) == [("c", 4)]


def test_the_heads_are_what_one_keeps() -> None:
    verifier, rows = Verifier(KEYS), [*a_chain(5), *a_chain(2, "other")]
    for row in rows:
        verifier.take(row)
    assert verifier.heads == {
        "c": Head(5, rows[4]["hash"]),
        "other": Head(2, rows[-1]["hash"]),
    }
    assert verifier.entries == 7
