"""A trace as it is printed."""

from __future__ import annotations

from app.demo.spans import SeenSpan
from app.demo.trace_tree import tree

MS = 1_000_000


def a_span(name: str, parent: str, began: float, took: float, **fields: object) -> SeenSpan:
    said = fields.get("said", {})
    assert isinstance(said, dict)
    start = int(began * MS)
    is_call = bool(fields.get("is_call"))
    return SeenSpan(name, name, parent, start, start + int(took * MS), is_call, said)


def test_a_call_stands_below_the_stage_in_which_it_was_made() -> None:
    spans = [
        a_span("inventory reserve", "create", 3, 1, is_call=True, said={"booking.result": "full"}),
        a_span("publish", "create", 5, 2),
        a_span("partners", "create", 2.5, 2.5),
        a_span("create", "sender", 1, 6, said={"booking.status": "409"}),
        a_span("another's", "elsewhere", 1, 6),
    ]
    assert [line.split() for line in tree(spans, "sender", 0)] == [
        ["began", "took"],
        ["create", "409", "1.0", "ms", "6.0", "ms"],
        ["partners", "2.5", "ms", "2.5", "ms"],
        ["inventory", "reserve", "full", "3.0", "ms", "1.0", "ms"],
        ["publish", "5.0", "ms", "2.0", "ms"],
    ]
    depths = [len(line) - len(line.lstrip()) for line in tree(spans, "sender", 0)]
    assert depths[1:] == [0, 2, 4, 2]
