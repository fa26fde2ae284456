"""What strangers wrote, on its way to a terminal, into a pipe or into a spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.cli.dlq import _line
from app.cli.printing import escaped, field, json_text, shown
from app.cli.records import as_json, as_line, read_value
from app.redriving import Told
from app.why.account import account_of
from app.why.page import page_of, undo_lines
from domain.booking import Contact, Venue
from domain.undo import ReleaseOwed
from handlers.ports import Record
from handlers.redrive import Letter, Standing, State
from handlers.routes import ReplyRoute
from schemas.strict_json import Unreadable
from tests.app.why.test_page import START, UNDER_WAY, a_story, an_undo
from tests.builders import NOW, a_booking

BAD = "\x1b[2J\x1b]0;owned\x07\r\n=1+1\t\x9b31m\u202e\x7f"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\uff1d1", "\t=1", "\r=1", "  =1", "a  =1", "\n=1")


def is_safe(text: str) -> bool:
    return all(char.isprintable() for line in text.split("\n") for char in line)


def printed(*lines: Any) -> str:
    out = StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)
    return out.getvalue()


@given(st.text() | st.text(alphabet="=+-@\t\r\n \x1b\x9b\u202e'x"))
def test_a_field_is_one_line_of_visible_characters_and_no_cell_begins_like_a_formula(
    text: str,
) -> None:
    told = field(text)
    assert told.isprintable() or not told
    cells = [cell.strip(" ") for cell in told.split("  ")]
    assert not [cell for cell in cells if cell and cell[0] in "=+-@\t\r\uff1d\uff0b\uff0d\uff20"]
    assert field(told) == told


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_stays_text(text: str) -> None:
    assert "'" in field(text) or field(text).startswith("\\")


@pytest.mark.parametrize("text", ["Ada Lovelace", "a+b@c.org", "1-2", "x = y", "Zoë", "李", ""])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert field(text) == text == escaped(text)


def test_texts_are_found_however_deep_they_lie() -> None:
    assert shown({"=a": [("=b", 1)], "c": None}) == {"'=a": [["'=b", 1]], "c": None}


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
    st.booleans(),
)
def test_json_is_the_same_value_and_shows_a_terminal_nothing_but_characters(
    value: Any, pretty: bool
) -> None:
    text = json_text(value, pretty=pretty)
    assert orjson.loads(text) == value
    assert is_safe(text)


def test_json_for_programs_keeps_formulas_as_they_are() -> None:
    assert json_text({"name": "=1+1"}) == '{"name":"=1+1"}'


def a_record(value: bytes, **fields: Any) -> Record:
    headers = ((BAD, BAD.encode()), ("\udcff", b"\xff\x1b"), ("null", None))
    record = Record("booking.replies", 0, 1, 1_780_000_000_000, BAD.encode(), value, headers)
    return replace(record, **fields)


VALUES = {
    "garbage": BAD.encode(),
    "an event": orjson.dumps({"event_type": BAD, "payload": {"booking_reference": BAD}}),
    "an event of null": orjson.dumps({"event_type": None, "payload": BAD}),
    "an event of lists": orjson.dumps({"event_type": [BAD], "payload": [BAD]}),
    "a reply": orjson.dumps({"status": BAD, "operation": BAD, "error": {"detail": BAD}}),
    "a done reply": orjson.dumps({"data": {"booking_reference": BAD, "status": BAD}}),
    "deep": b"[" * 900 + b"]" * 900,
    "markup": b'{"status": 400, "operation": "[red]x[/red] :smile:"}',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("timestamp_ms", [1_780_000_000_000, -1, 2**62])
def test_a_record_is_shown_whatever_is_in_it(value: bytes, timestamp_ms: int) -> None:
    record = a_record(value, timestamp_ms=timestamp_ms)
    line = printed(as_line(record)).rstrip("\n")
    assert line.isprintable()
    assert "  =" not in line
    assert is_safe(json_text(as_json(record)))


def test_a_dead_letter_is_shown_whatever_its_headers_say() -> None:
    headers = tuple(
        (f"dlq_{name}", BAD.encode())
        for name in ("reason", "detail", "source_topic", "source_partition", "failed_at")
    )
    record = a_record(b"x", headers=headers)
    assert printed(as_line(record)).rstrip("\n").isprintable()
    about = {name.removeprefix("dlq_"): BAD for name, _ in headers}
    letter = Letter(record, about, None, Unreadable(""))
    told = _line(Told(letter, Standing(State.FINAL, BAD), None, 1))
    assert is_safe(told)
    assert told.count("\n") == 1


def test_markup_of_a_stranger_colours_nothing() -> None:
    assert "[red]x[/red] :smile:" in printed(as_line(a_record(VALUES["markup"])))


def test_the_whole_story_of_a_booking_is_safe_to_look_at() -> None:
    booking = a_booking()
    booking = replace(
        booking,
        venue=Venue(booking.venue.id, booking.venue.type, BAD, None),
        contact=Contact(booking.contact.guest_id, BAD, BAD, "+49 170 1"),
        special_requests=BAD,
        internal_notes="=HYPERLINK(1)",
    )
    route = ReplyRoute("booking.replies", None, BAD.encode(), ()).dumped()
    command = replace(UNDER_WAY, start=replace(START, reply_route=route))
    undo = replace(an_undo(ReleaseOwed("k", "BR-1", BAD)), detail=BAD)
    story = a_story(booking=booking, commands=(command,), undo=(undo,))
    account = account_of(story, NOW, personal=True)
    lines = [line.plain for line in page_of(account)]
    assert all(line.isprintable() for line in lines)
    text = "\n".join(lines)
    assert "'+49 170 1" in text
    assert "'=HYPERLINK(1)" in text
    assert "\\x1b[2J" in text
    assert all(line.plain.isprintable() for line in undo_lines(account["undo"][0]))
    assert is_safe(json_text(account, pretty=True))


def test_what_lies_deeper_than_json_is_written_is_shown_as_text() -> None:
    deep = b"[" * 900 + b"]" * 900
    assert read_value(deep) == deep.decode()


def test_a_time_that_no_calendar_has_is_the_nearest_one() -> None:
    assert a_record(b"", timestamp_ms=-1).sent.year == 1970
    assert a_record(b"", timestamp_ms=2**63 - 1).sent.year == 9999
