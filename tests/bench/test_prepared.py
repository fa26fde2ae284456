"""What the floor sends: the recorded create over and over, under other ids."""

from __future__ import annotations

from bench.prepared import prepared
from bench.recording import Call, Output, Pattern, Statement

BOOKING = "0b7e2d0e-93f5-4a6e-8e4e-2f1f5e8b4d11"
PATTERN = Pattern(
    booking_reference="BR-20270301-ABCDEF",
    transactions=(
        (Statement("fence", ('{"partition":1}',)), Statement("start", (f'{{"id":"{BOOKING}"}}',))),
        (Statement("fence", ('{"partition":1}',)), Statement("claim", (f'{{"id":"{BOOKING}"}}',))),
        (Statement("fence", ('{"partition":1}',)), Statement("journal", ('{"n":2}',))),
        (
            Statement("fence", ('{"partition":1}',)),
            Statement("outcome", ('{"n":"a","m":1}',)),
            Statement("audit", ('{"chain":"recording.commands/1","topic":"recording.commands"}',)),
        ),
    ),
    rounds=((Call("inventory", "/reserve", "0123456789abcdef", f'{{"booking":"{BOOKING}"}}'),),),
    outputs=(Output("replies", BOOKING, '{"reference":"BR-20270301-ABCDEF"}', ()),),
)


def test_no_two_creates_share_an_id_a_key_or_a_reference() -> None:
    made = prepared([PATTERN], 100, "floor")
    for part in (
        {each.rows[0]["start"] for each in made},
        {each.rounds[0][0].headers["idempotency-key"] for each in made},
        {each.outputs[0].value for each in made},
        {each.rows[2]["audit"] for each in made},
    ):
        assert len(part) == 100


def test_an_id_is_the_same_wherever_one_create_uses_it() -> None:
    (made,) = prepared([PATTERN], 1, "floor")
    booking = made.outputs[0].key.decode()
    assert booking != BOOKING
    assert made.rows[0]["start"] == f'{{"id":"{booking}"}}'
    assert made.rounds[0][0].body == f'{{"booking":"{booking}"}}'.encode()


def test_nothing_becomes_shorter_or_longer() -> None:
    (made,) = prepared([PATTERN], 1, "floor")
    assert len(made.outputs[0].value) == len(PATTERN.outputs[0].value)
    assert len(made.rounds[0][0].headers["idempotency-key"]) == 16


def test_later_transactions_go_along_with_the_outcome_under_one_fence() -> None:
    (made,) = prepared([PATTERN], 1, "floor")
    assert [list(rows) for rows in made.rows] == [
        ["fence", "start"],
        ["fence", "claim"],
        ["fence", "journal", "outcome", "audit"],
    ]
