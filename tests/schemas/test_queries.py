"""Queries as clients send them become the domain's values, or a list of what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import CheckAvailability, CreateBooking
from domain.lifecycle import Status
from domain.permissions import Operation
from domain.queries import (
    GetBookingByReference,
    ListGuestBookings,
    Listing,
    ListVenueBookings,
    Query,
)
from domain.refusal import Refusal
from schemas.envelope import QUERIES, RawQuery, parse_query
from schemas.powers import power_of
from schemas.queries import QUERY_DATA, build_query, cursor_of
from schemas.strict_json import Unreadable
from tests.schemas.messages import ABSENT, BOOKING, COMMAND, GUEST, VENUE, a_create, built, errors


def _message(type_: str, data: Any, **more: Any) -> bytes:
    message = {"type": type_, "query_id": COMMAND, "data": data} | more
    return json.dumps({k: v for k, v in message.items() if v is not ABSENT}).encode()


def _asked(type_: str, data: Any, **more: Any) -> Query | Refusal:
    raw = parse_query(_message(type_, data, **more))
    assert isinstance(raw, RawQuery), raw
    return build_query(raw)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"{}",
        _message("create_booking", {}),
        _message("get_booking", {}, query_id=ABSENT),
        _message("get_booking", {}, query_id=ABSENT, command_id=COMMAND),
        _message("get_booking", {}, query_id=5),
    ],
)
def test_what_is_no_known_query_with_an_id_is_unreadable(value: bytes | None) -> None:
    assert isinstance(parse_query(value), Unreadable)


@pytest.mark.parametrize("type_", sorted(QUERIES))
def test_every_query_wants_its_data(type_: str) -> None:
    assert errors(_asked(type_, ABSENT)) == {"data": "is required"}
    assert errors(_asked(type_, [])) == {"data": "must be an object"}
    assert set(errors(_asked(type_, {"surprise": 1}, priority=1))) >= {"data.surprise", "priority"}


def test_a_reference_is_found_in_either_case() -> None:
    query = _asked("get_booking_by_reference", {"booking_reference": "br-20300517-abcdefgh"})
    assert isinstance(query, GetBookingByReference)
    assert query.booking_reference == "BR-20300517-ABCDEFGH"


def test_a_list_without_filters_gives_a_hundred() -> None:
    query = _asked("list_guest_bookings", {"guest_id": str(GUEST.id)})
    assert query == ListGuestBookings(UUID(COMMAND), GUEST.id, Listing(limit=100))


def test_a_list_has_filters_and_goes_on_where_it_ended() -> None:
    start = datetime(2030, 5, 17, 17, tzinfo=UTC)
    data = {
        "venue_id": VENUE,
        "status": "confirmed",
        "from": "2030-05-01T00:00:00Z",
        "to": "2030-06-01T00:00:00+00:00",
        "limit": 20,
        "cursor": cursor_of(start, UUID(BOOKING)),
    }
    query = _asked("list_venue_bookings", data)
    assert isinstance(query, ListVenueBookings)
    assert query.listing == Listing(
        20,
        (start, UUID(BOOKING)),
        Status.CONFIRMED,
        datetime(2030, 5, 1, tzinfo=UTC),
        datetime(2030, 6, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", 0),
        ("limit", 101),
        ("limit", "5"),
        ("from", "yesterday"),
        ("from_", "2030-05-01T00:00:00Z"),
        ("to", 5),
        ("status", "lost"),
        ("cursor", ""),
        ("cursor", "!!"),
        ("cursor", "é"),
        ("cursor", "x" * 5000),
        ("cursor", "AAAA"),
        ("cursor", 7),
    ],
)
def test_a_wrong_filter_is_named(field: str, value: Any) -> None:
    data = {"venue_id": VENUE, field: value}
    assert list(errors(_asked("list_venue_bookings", data))) == [f"data.{field}"]


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_any_cursor_is_a_place_or_an_error(cursor: str) -> None:
    try:
        _asked("list_venue_bookings", {"venue_id": VENUE, "cursor": cursor})
    except UnicodeEncodeError:
        pytest.fail("a cursor is text")


def test_availability_looks_at_the_slot_that_a_create_would_take() -> None:
    created = built("create_booking", a_create(venue_type="cafe"))
    checked = _asked("check_availability", a_create(venue_type="cafe"))
    assert isinstance(created, CreateBooking)
    assert isinstance(checked, CheckAvailability)
    assert (checked.slot, checked.booking_date) == (created.slot, created.booking_date)


def test_availability_has_one_end() -> None:
    data = a_create(duration_minutes=5, end_time="2030-05-17T20:00:00Z")
    assert list(errors(_asked("check_availability", data))) == ["data.end_time"]


@pytest.mark.parametrize(
    ("type_", "data", "power"),
    [
        ("get_booking", {"booking_id": BOOKING}, Operation.GET),
        ("get_booking_by_reference", {"booking_reference": "BR"}, Operation.GET),
        ("get_booking_history", {"booking_id": BOOKING}, Operation.HISTORY),
        ("list_guest_bookings", {"guest_id": VENUE}, Operation.LIST_GUEST),
        ("list_venue_bookings", {"venue_id": VENUE}, Operation.LIST_VENUE),
        ("check_availability", a_create(), Operation.CHECK_AVAILABILITY),
    ],
)
def test_every_query_needs_its_power(type_: str, data: Any, power: Operation) -> None:
    query = _asked(type_, data)
    assert not isinstance(query, Refusal)
    assert power_of(query) is power


def test_every_known_query_has_its_data() -> None:
    assert QUERY_DATA.keys() == QUERIES
