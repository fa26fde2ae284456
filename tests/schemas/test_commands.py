"""Commands as clients send them become the domain's values, or a list of what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking import Source
from domain.commands import (
    UNSET,
    CancelBooking,
    ChangeStatus,
    CreateBooking,
    EndCommand,
    ExpireBooking,
    SettleUndo,
    UpdateBooking,
)
from domain.lifecycle import Status
from domain.permissions import Operation
from domain.principal import Admin, System
from domain.refusal import Code, Refusal
from schemas.building import asked_by, build_command
from schemas.envelope import RawCommand, parse_command
from schemas.field_errors import MAX_ERRORS
from schemas.powers import powers_used
from schemas.strict_json import Unreadable
from tests.schemas.messages import (
    ABSENT,
    BOOKING,
    BUSINESS,
    COMMAND,
    GUEST,
    VENUE,
    a_create,
    a_message,
    an_update,
    built,
    errors,
    raw,
)

_LONG = "x" * 5000


def _created(data: dict[str, Any], principal: Any = GUEST) -> CreateBooking:
    command = built("create_booking", data, principal)
    assert isinstance(command, CreateBooking), command
    return command


def _updated(**changes: Any) -> UpdateBooking:
    command = built("update_booking", an_update(**changes))
    assert isinstance(command, UpdateBooking), command
    return command


# --- what is readable ---


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\x00\x00\x00\x00\x01",
        b"[]",
        b"null",
        b'"create_booking"',
        a_message("create_booking", {}, type=ABSENT),
        a_message("create_booking", {}, type=["create_booking"]),
        a_message("delete_booking", {}),
        a_message("get_booking", {}),
        a_message("create_booking", {}, command_id=ABSENT),
        a_message("create_booking", {}, command_id="1"),
        a_message("create_booking", {}, command_id=COMMAND.replace("-", "")),
        a_message("create_booking", {}, command_id="{" + COMMAND + "}"),
        a_message("create_booking", {}, command_id="urn:uuid:" + COMMAND),
        a_message("create_booking", {}, command_id=COMMAND + "\n"),
        a_message("create_booking", {}, command_id=COMMAND.replace("4", "４")),  # noqa: RUF001  # fullwidth digits are no hex
    ],
)
def test_what_is_no_known_command_with_an_id_is_unreadable(value: bytes | None) -> None:
    assert isinstance(parse_command(value), Unreadable)


def test_an_id_in_capitals_is_the_same_id() -> None:
    lower = "abcdefab-cdef-4bcd-8fab-cdefabcdefab"
    one = raw("create_booking", {}, command_id=lower)
    other = raw("create_booking", {}, command_id=lower.upper())
    assert one.command_id == other.command_id == UUID(lower)


def test_everything_else_that_is_wrong_is_readable_and_invalid() -> None:
    wrong = built("create_booking", ABSENT)
    assert isinstance(wrong, Refusal)
    assert wrong.code is Code.VALIDATION_FAILED
    assert errors(wrong) == {"data": "is required"}


def test_content_is_type_key_and_data_but_not_the_id() -> None:
    one = raw("create_booking", a_create(), idempotency_key="k")
    again = raw("create_booking", a_create(), idempotency_key="k", command_id=BOOKING)
    other_key = raw("create_booking", a_create(), idempotency_key="l")
    assert one.content_hash == again.content_hash != other_key.content_hash
    assert one.request_hash == other_key.request_hash


# --- create ---


def test_the_smallest_create_is_complete() -> None:
    command = _created(a_create())
    assert command.contact.guest_id == GUEST.id
    assert command.source is Source.WEB
    assert command.slot.starts_at == datetime(2030, 5, 17, 17, tzinfo=UTC)
    assert command.slot.minutes == 120
    assert command.booking_date == date(2030, 5, 17)
    assert command.booking_reference.startswith("BR-20300517-")
    assert command.asked.idempotency_key is None


@pytest.mark.parametrize(
    ("venue_type", "minutes"),
    [("restaurant", 120), ("cafe", 60), ("retail", 1440), ("hotel", 1440)],
)
def test_every_venue_type_has_its_own_length(venue_type: str, minutes: int) -> None:
    assert _created(a_create(venue_type=venue_type)).slot.minutes == minutes


def test_a_hotel_night_ends_at_the_same_wall_time_although_the_clocks_change() -> None:
    night = a_create(
        venue_type="hotel",
        venue_time_zone="Europe/Berlin",
        booking_time="2030-03-30T15:00:00+01:00",
    )
    assert _created(night).slot.minutes == 23 * 60


def test_the_booking_date_is_the_venues_day() -> None:
    late = a_create(booking_time="2030-05-17T23:30:00Z", venue_time_zone="Asia/Tokyo")
    assert _created(late).booking_date == date(2030, 5, 18)


def test_an_end_time_makes_the_length() -> None:
    assert _created(a_create(end_time="2030-05-17T19:30:00+01:00")).slot.minutes == 90


def test_the_same_command_gives_the_same_ids_and_another_run_other_ones() -> None:
    command = raw("create_booking", a_create())
    first, again = (build_command(command, asked_by(GUEST, command)) for _ in range(2))
    redriven = build_command(command, asked_by(GUEST, command, run=1))
    assert isinstance(first, CreateBooking)
    assert isinstance(redriven, CreateBooking)
    assert first == again
    assert first.booking_id != redriven.booking_id


def test_business_names_the_guest_it_books_for() -> None:
    assert errors(built("create_booking", a_create(), BUSINESS)) == {
        "data.guest_id": "is required unless source is phone or walk_in"
    }
    assert str(_created(a_create(guest_id=BOOKING), BUSINESS).contact.guest_id) == BOOKING


@pytest.mark.parametrize("source", ["phone", "walk_in"])
def test_who_calls_or_walks_in_becomes_a_guest(source: str) -> None:
    one = _created(a_create(source=source), BUSINESS)
    again = _created(a_create(source=source), BUSINESS)
    assert one.contact.guest_id == again.contact.guest_id != GUEST.id


def test_null_stands_for_absent_in_a_create() -> None:
    nulls = dict.fromkeys(
        ("guest_name", "guest_id", "duration_minutes", "end_time", "metadata", "source"), None
    )
    assert _created(a_create(**nulls)) == _created(a_create())


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("venue_id", ABSENT, "is required"),
        ("venue_id", "five", "UUID"),
        ("venue_id", 5, "UUID"),
        ("venue_id", VENUE.replace("-", ""), "UUID"),
        ("venue_type", "Hotel", "one of"),
        ("venue_type", None, "one of"),
        ("booking_time", "2030-05-17T19:00:00", "offset"),
        ("booking_time", "2030-05-17", "offset"),
        ("booking_time", 1905260400, "RFC 3339"),
        ("booking_time", "1905260400", "RFC 3339"),
        ("booking_time", "2030-02-30T19:00:00Z", "exists"),
        ("booking_time", "2030-05-17T24:00:01Z", "exists"),
        ("booking_time", "0001-01-01T00:00:00+14:00", "years"),
        ("booking_time", "9999-12-31T23:59:59-12:00", "years"),
        ("party_size", 0, "at least 1"),
        ("party_size", 101, "at most 100"),
        ("party_size", "2", "whole number"),
        ("party_size", True, "whole number"),
        ("party_size", 2.0, "whole number"),
        ("party_size", 10**30, "whole number"),
        ("party_size", None, "whole number"),
        ("duration_minutes", 0, "at least 1"),
        ("duration_minutes", 129_601, "at most 129600"),
        ("end_time", "2030-05-17T19:00:00+02:00", "after the start"),
        ("end_time", "2031-05-17T19:00:00+02:00", "after the start"),
        ("end_time", "2030-05-17T20:00:30+02:00", "whole minutes"),
        ("venue_time_zone", "Mars/Olympus", "IANA"),
        ("venue_time_zone", "../../../etc/passwd", "IANA"),
        ("venue_time_zone", "Europe", "IANA"),
        ("venue_time_zone", "", "IANA"),
        ("inventory_item_id", "", "empty"),
        ("inventory_item_id", "x" * 101, "at most 100"),
        ("guest_id", "me", "UUID"),
        ("guest_name", "x" * 201, "at most 200"),
        ("guest_name", "Ada\nLovelace", "control"),
        ("guest_name", "Ada\x00", "control"),
        ("guest_name", ["Ada"], "text"),
        ("guest_email", "ada", "e-mail"),
        ("guest_email", "ada@b@c", "e-mail"),
        ("guest_email", "a da@b", "e-mail"),
        ("guest_email", "a" * 320 + "@b", "e-mail"),
        ("guest_phone", "1" * 51, "at most 50"),
        ("payment_method_id", "p" * 256, "at most 255"),
        ("special_requests", "x" * 2001, "at most 2000"),
        ("special_requests", "bell\x07", "control"),
        ("internal_notes", "\x00", "control"),
        ("source", "fax", "one of"),
        ("metadata", [], "object"),
        ("metadata", {"a": _LONG}, "4096 bytes"),
        ("metadata", {"a": "\x00"}, "NUL"),
        ("metadata", {"a": {"\x00": 1}}, "NUL"),
        ("metadata", {"a": [2**53]}, "number beyond"),
        ("metadata", {"a": -1e300}, "number beyond"),
        ("surprise", 1, "known field"),
    ],
)
def test_a_wrong_field_is_named_in_words(field: str, value: Any, words: str) -> None:
    found = errors(built("create_booking", a_create(**{field: value})))
    assert list(found) == [f"data.{field}"]
    assert words in found[f"data.{field}"]


def test_all_wrong_fields_are_named_at_once() -> None:
    wrong = a_create(
        party_size=0, venue_id=ABSENT, duration_minutes=5, end_time="2030-05-17T20:00:00Z", extra=1
    )
    command = raw("create_booking", wrong, idempotency_key="", priority=1)
    assert set(errors(build_command(command, asked_by(GUEST, command)))) == {
        "data.party_size",
        "data.venue_id",
        "data.end_time",
        "data.extra",
        "idempotency_key",
        "priority",
    }


def test_what_was_sent_is_never_repeated() -> None:
    secret = "ada.lovelace.secret"
    wrong = a_create(
        venue_id=secret,
        venue_type=secret,
        booking_time=secret,
        party_size=secret,
        guest_email=secret,
        guest_phone=[secret],
        venue_time_zone=secret,
        source=secret,
        metadata=secret,
    )
    refusal = built("create_booking", wrong)
    assert len(errors(refusal)) == 9
    assert secret not in repr(refusal)


def test_thousands_of_unknown_fields_give_a_reply_of_sensible_size() -> None:
    refusal = built("create_booking", a_create(**{f"f{n}\n" + _LONG[:200]: 1 for n in range(900)}))
    assert len(errors(refusal)) == MAX_ERRORS
    assert len(repr(refusal)) < 20_000
    assert all(name.isprintable() for name in errors(refusal))


@pytest.mark.parametrize("key", ["", "x" * 256, 5, {}, "a\x00", "a\nb", True])
def test_a_key_is_1_to_255_printable_characters(key: Any) -> None:
    assert list(errors(built("create_booking", a_create(), idempotency_key=key))) == [
        "idempotency_key"
    ]


@pytest.mark.parametrize("key", ["x" * 255, "ключ 7", None, ABSENT])
def test_a_good_key_is_kept_and_none_is_fine(key: Any) -> None:
    command = built("create_booking", a_create(), idempotency_key=key)
    assert isinstance(command, CreateBooking)
    assert command.asked.idempotency_key == (key if isinstance(key, str) else None)


@pytest.mark.parametrize("data", [[], "text", 5, True])
def test_data_must_be_an_object(data: Any) -> None:
    assert errors(built("create_booking", data)) == {"data": "must be an object"}


# --- the others ---


def test_an_update_tells_absent_from_null() -> None:
    changes = _updated(guest_phone=None, party_size=3).changes
    assert changes.guest_phone is None
    assert changes.party_size == 3
    assert changes.guest_name is UNSET
    assert changes.booking_time is UNSET


def test_an_update_keeps_the_offset_that_was_sent() -> None:
    changes = _updated(booking_time="2030-05-17T19:00:00+05:30").changes
    assert isinstance(changes.booking_time, datetime)
    assert changes.booking_time.isoformat() == "2030-05-17T19:00:00+05:30"


def test_an_item_can_be_named_and_cleared() -> None:
    assert _updated(inventory_item_id="t-4").changes.item == "t-4"
    assert _updated(inventory_item_id=None).changes.item is None


@pytest.mark.parametrize("field", ["booking_time", "duration_minutes", "end_time", "party_size"])
def test_what_a_booking_cannot_be_without_cannot_be_cleared(field: str) -> None:
    assert list(errors(built("update_booking", an_update(**{field: None})))) == [f"data.{field}"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "data"),
        ({"expected_version": ABSENT, "party_size": 3}, "data.expected_version"),
        ({"expected_version": 0, "party_size": 3}, "data.expected_version"),
        ({"duration_minutes": 5, "end_time": "2030-05-17T20:00:00Z"}, "data.end_time"),
        (
            {"booking_time": "2030-05-17T21:00:00Z", "end_time": "2030-05-17T20:00:00Z"},
            "data.end_time",
        ),
        ({"status": "confirmed"}, "data.status"),
        ({"venue_id": VENUE}, "data.venue_id"),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(changes: dict[str, Any], field: str) -> None:
    assert list(errors(built("update_booking", an_update(**changes)))) == [field]


def test_a_cancellation_can_name_reason_and_refund() -> None:
    command = built(
        "cancel_booking", {"booking_id": BOOKING, "reason": "ill", "refund_amount": "25.00"}
    )
    assert isinstance(command, CancelBooking)
    assert (command.reason, command.refund_amount, command.expected_version) == (
        "ill",
        "25.00",
        None,
    )


@pytest.mark.parametrize("amount", [25, "25,00", "-1", "1e3", "NaN", "", "٢", "1.0000", " 1"])
def test_a_refund_is_decimal_text(amount: Any) -> None:
    data = {"booking_id": BOOKING, "refund_amount": amount}
    assert list(errors(built("cancel_booking", data))) == ["data.refund_amount"]


def test_every_status_word_is_a_status_and_no_other() -> None:
    for status in Status:
        command = built("update_booking_status", {"booking_id": BOOKING, "status": status.value})
        assert isinstance(command, ChangeStatus)
        assert command.to is status
    assert list(
        errors(built("update_booking_status", {"booking_id": BOOKING, "status": "lost"}))
    ) == ["data.status"]


def test_payment_at_the_venue_goes_only_with_a_confirmation() -> None:
    data = {"booking_id": BOOKING, "status": "completed", "payment": "at_venue"}
    assert list(errors(built("update_booking_status", data))) == ["data.payment"]


@pytest.mark.parametrize(
    ("type_", "data", "kind"),
    [
        (
            "expire_booking",
            {"booking_id": BOOKING, "expected_version": 1, "attempt": 2},
            ExpireBooking,
        ),
        ("settle_undo", {"undo_id": VENUE, "booking_id": BOOKING, "attempt": 0}, SettleUndo),
        ("end_command", {"row_id": VENUE}, EndCommand),
    ],
)
def test_the_services_own_commands_are_read(type_: str, data: Any, kind: type) -> None:
    command = built(type_, data, System())
    assert isinstance(command, kind)
    assert powers_used(command) == (Operation.SETTLE,)  # type: ignore[arg-type]  # kind is a command's


# --- which powers they need ---


@pytest.mark.parametrize(
    ("data", "principal", "powers"),
    [
        (a_create(), GUEST, {Operation.CREATE}),
        (a_create(guest_id=str(GUEST.id)), GUEST, {Operation.CREATE}),
        (a_create(guest_id=BOOKING), GUEST, {Operation.CREATE, Operation.BOOK_FOR_OTHERS}),
        (a_create(internal_notes=""), GUEST, {Operation.CREATE, Operation.WRITE_NOTES}),
        (a_create(source="phone"), GUEST, {Operation.CREATE, Operation.BUSINESS_SOURCE}),
        (
            a_create(source="walk_in"),
            Admin("root"),
            {Operation.CREATE, Operation.BUSINESS_SOURCE, Operation.BOOK_FOR_OTHERS},
        ),
    ],
)
def test_a_create_needs_the_powers_of_its_fields(data: Any, principal: Any, powers: Any) -> None:
    used = powers_used(_created(data, principal))
    assert used[0] is Operation.CREATE
    assert set(used) == powers


@pytest.mark.parametrize(
    ("type_", "data", "powers"),
    [
        ("update_booking", an_update(party_size=3), (Operation.UPDATE,)),
        (
            "update_booking",
            an_update(internal_notes=None),
            (Operation.UPDATE, Operation.WRITE_NOTES),
        ),
        ("cancel_booking", {"booking_id": BOOKING}, (Operation.CANCEL,)),
        (
            "cancel_booking",
            {"booking_id": BOOKING, "refund_amount": "0"},
            (Operation.CANCEL, Operation.NAME_REFUND),
        ),
        (
            "update_booking_status",
            {"booking_id": BOOKING, "status": "confirmed", "payment": "at_venue"},
            (Operation.CONFIRM, Operation.PAY_AT_VENUE),
        ),
        (
            "update_booking_status",
            {"booking_id": BOOKING, "status": "cancelled"},
            (Operation.CANCEL,),
        ),
        (
            "update_booking_status",
            {"booking_id": BOOKING, "status": "no_show"},
            (Operation.MARK_NO_SHOW,),
        ),
        ("update_booking_status", {"booking_id": BOOKING, "status": "expired"}, (Operation.GET,)),
    ],
)
def test_other_commands_need_the_powers_of_what_they_ask(
    type_: str, data: Any, powers: Any
) -> None:
    command = built(type_, data)
    assert not isinstance(command, Refusal)
    assert powers_used(command) == powers


# --- whatever comes ---

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_fields = st.sampled_from(
    [
        "venue_id", "venue_type", "booking_time", "party_size", "venue_time_zone", "end_time",
        "duration_minutes", "guest_id", "guest_email", "metadata", "booking_id", "status",
        "expected_version", "refund_amount", "source", "row_id", "attempt", "undo_id",
    ]
)  # fmt: skip
_plausible = st.sampled_from(
    [
        VENUE, "hotel", "2030-05-17T19:00:00Z", "2030-05-17T20:00:00+23:59", 2, "Europe/Berlin",
        "1970-01-01T00:00:00+23:59", "9998-12-31T23:59:59-23:59", "America/New_York", 129_600,
        "Pacific/Apia", "2011-12-29T12:00:00-10:00", "Africa/Monrovia", "confirmed", "web", {},
    ]
)  # fmt: skip
_types = st.sampled_from(
    ["create_booking", "update_booking", "cancel_booking", "update_booking_status", "end_command"]
)


@given(_types, st.dictionaries(_fields, _plausible | _json, max_size=9), _json)
def test_any_data_is_a_command_or_a_refusal(type_: str, data: Any, key: Any) -> None:
    for sent in (data, a_create() | data, an_update() | data):
        message = {"type": type_, "command_id": COMMAND, "data": sent, "idempotency_key": key}
        command = parse_command(_bytes(message))
        if isinstance(command, RawCommand):
            build_command(command, asked_by(GUEST, command))
            build_command(command, asked_by(BUSINESS, command))
            assert len(command.content_hash) == 64


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode()))
def test_any_bytes_are_a_command_or_unreadable(value: bytes) -> None:
    assert isinstance(parse_command(value), RawCommand | Unreadable)


def _bytes(message: Any) -> bytes:
    return json.dumps(message).encode("utf-8", "surrogatepass")
