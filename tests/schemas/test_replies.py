"""Replies and the bookings in them, as clients read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from domain.booking import PaymentStatus, VenueType
from domain.lifecycle import Status
from domain.policies.partners import inventory_away, payment_away, pricing_away
from domain.refusal import Code, FieldError, Refusal
from schemas.booking import BookingShown, BookingToPay, booking_json
from schemas.replies import CommandReply, QueryReply, refusal_body, success_body
from schemas.sealed import PERSONAL_FIELDS
from schemas.strict_json import json_bytes
from tests.schemas.bookings import NOW, a_booking, a_price
from tests.schemas.messages import COMMAND

_ID = UUID(COMMAND)
RETRYABLE = {
    "rate_limited",
    "deadline_passed",
    "inventory_unavailable",
    "pricing_unavailable",
    "payment_failed",
}


def _shown(**changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(
        json_bytes(booking_json(a_booking(**changes), with_notes=True))
    )
    return shown


def _refused(refusal: Refusal, id_field: Any = "command_id") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(refusal_body(id_field, _ID, "create_booking", NOW, refusal))
    return body


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("venue_type", VenueType)
def test_a_rendered_booking_is_what_the_model_promises(
    status: Status, venue_type: VenueType
) -> None:
    booking = a_booking(status=status)
    body = json_bytes(booking_json(booking, with_notes=True))
    shown = BookingShown.model_validate_json(body)
    assert list(json.loads(body)) == [n for n in BookingShown.model_fields if n != "guest_erased"]
    assert (shown.id, shown.status, shown.booking_time) == (
        booking.id,
        status,
        booking.slot.starts_at,
    )


def test_of_an_erased_guest_nothing_is_left_and_the_booking_says_so() -> None:
    booking = a_booking().without_person()
    shown = json.loads(json_bytes(booking_json(booking, with_notes=True)))
    assert list(shown) == list(BookingShown.model_fields)
    assert shown.pop("guest_erased") is True
    assert [name for name in PERSONAL_FIELDS if shown[name] is not None] == []


@pytest.mark.parametrize(
    ("total", "currency", "text"),
    [("110", "EUR", "110.00"), ("1500", "JPY", "1500"), ("7.5", "KWD", "7.500")],
)
def test_money_has_its_currencys_digits(total: str, currency: str, text: str) -> None:
    shown = _shown(price=a_price(total, currency))
    assert (shown["total_price"], shown["currency"]) == (text, currency)
    assert float(shown["amount_paid"]) == 0


def test_instants_leave_in_utc_whatever_offset_they_came_with() -> None:
    at = datetime(2030, 5, 17, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert _shown(expires_at=at)["expires_at"] == "2030-05-16T20:00:00Z"


def test_notes_are_not_shown_to_guests() -> None:
    assert booking_json(a_booking(), with_notes=False)["internal_notes"] is None
    assert booking_json(a_booking(), with_notes=True)["internal_notes"] == "VIP"


def test_a_fallback_price_says_so() -> None:
    price = a_price()
    assert _shown(price=price)["price_source"] == "quoted"
    fallback = type(price)(price.base, price.tax, price.discount, price.total, True, None)
    assert _shown(price=fallback)["price_source"] == "fallback"


def test_a_success_is_a_valid_reply() -> None:
    data = booking_json(a_booking(), with_notes=False) | {"payment_client_secret": "s"}
    body = success_body("command_id", _ID, "create_booking", 201, NOW, data)
    reply = CommandReply.model_validate_json(body)
    assert (reply.command_id, reply.status, reply.error) == (_ID, 201, None)
    assert BookingToPay.model_validate(reply.data, strict=False).payment_client_secret == "s"
    assert json.loads(body)["timestamp"] == "2030-05-01T12:00:00Z"


def test_a_query_has_its_own_id_field() -> None:
    body = success_body("query_id", _ID, "get_booking", 200, NOW, {})
    assert QueryReply.model_validate_json(body).query_id == _ID


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_status_and_says_whether_to_try_again(code: Code) -> None:
    body = _refused(Refusal(code, "Why it was so."))
    error = body["error"]
    assert CommandReply.model_validate(body, strict=False).status == code.status
    assert (error["code"], error["title"]) == (code.word, code.title)
    assert error["retryable"] == (code.word in RETRYABLE)
    assert error["detail"].startswith("Why it was so.")
    assert error["detail"].endswith("the same idempotency_key.") == error["retryable"]


@pytest.mark.parametrize("away", [inventory_away, pricing_away, payment_away])
def test_what_to_send_again_is_said_once_and_in_the_asker_s_words(
    away: Callable[[], Refusal],
) -> None:
    command, query = (
        _refused(away(), id_field)["error"]["detail"] for id_field in ("command_id", "query_id")
    )
    assert command.count("idempotency_key") == command.count("new command_id") == 1
    assert "command" not in query


def test_a_query_that_may_be_tried_again_says_how() -> None:
    error = _refused(Refusal(Code.INVENTORY_UNAVAILABLE, "Away."), "query_id")["error"]
    assert error["detail"] == "Away. To try again, send a new query."


def test_errors_and_extras_are_shown_and_extras_replace_nothing() -> None:
    refusal = Refusal(
        Code.VERSION_CONFLICT,
        "It is at version 3.",
        (FieldError("data.expected_version", "is not current"),),
        {"current_version": 3, "code": "mine"},
    )
    error = _refused(refusal)["error"]
    assert error["current_version"] == 3
    assert error["code"] == "version_conflict"
    assert error["errors"] == [{"field": "data.expected_version", "message": "is not current"}]


def test_what_could_not_be_read_is_answered_without_an_id() -> None:
    body = json.loads(
        refusal_body("command_id", None, None, NOW, Refusal(Code.UNREADABLE, "Not JSON."))
    )
    assert body["command_id"] is None
    assert CommandReply.model_validate(body, strict=False).operation is None


def test_a_times_offset_does_not_change_the_reply() -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=2)))
    one = success_body("query_id", _ID, "get_booking", 200, NOW, {})
    assert one == success_body("query_id", _ID, "get_booking", 200, berlin, {})


def test_all_payment_statuses_can_be_shown() -> None:
    for status in PaymentStatus:
        payment = a_booking().payment
        changed = type(payment)("pi", status, payment.paid, payment.refunded)
        assert _shown(payment=changed)["payment_status"] == status.value
