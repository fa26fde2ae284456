"""Expiry: it looks at status and version, asks the intent, and gives everything back."""

from __future__ import annotations

from typing import Any

import pytest

from domain.booking import Booking, PaymentStatus
from domain.effects import FindIntent, RefundPayment, ReleaseInventory
from domain.lifecycle import Status
from domain.outcome import Claims, EventType, Ignored
from domain.undo import RefundOwed
from domain.workflows.expire_booking import expire_booking
from tests.builders import TOMORROW, a_booking, an_expiry, at, eur
from tests.domain.given import PAYMENT_AWAY, Ended, an_intent, given


def expire(booking: Booking | None, script: dict[Any, Any] | None = None) -> Ended[Any]:
    return given(expire_booking(an_expiry(), at()), booking=booking).answers(script or {})


def test_an_unconfirmed_booking_expires_and_frees_what_it_held() -> None:
    ended = expire(a_booking())
    assert ended.accepted.booking.status is Status.EXPIRED
    assert ended.accepted.claims is Claims.FREE
    assert ended.one(ReleaseInventory).reservation_id == "res_1"
    assert [event.type for event in ended.accepted.events] == [
        EventType.EXPIRED,
        EventType.STATUS_CHANGED,
    ]
    assert {event.changed_by for event in ended.accepted.events} == {"system"}


def test_it_looks_at_no_clock() -> None:
    long_before = a_booking(expires_at=TOMORROW)
    assert expire(long_before).accepted.booking.status is Status.EXPIRED


def test_what_was_paid_after_all_goes_back_whole() -> None:
    charged = an_intent(PaymentStatus.SUCCEEDED, amount=eur(110))
    ended = expire(a_booking(), {FindIntent: charged})
    assert ended.one(RefundPayment).amount == eur(110)
    assert ended.accepted.booking.payment.status is PaymentStatus.REFUNDED


def test_payment_away_does_not_stop_it() -> None:
    ended = expire(a_booking(), {FindIntent: PAYMENT_AWAY})
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, RefundOwed)
    assert ended.accepted.booking.status is Status.EXPIRED


@pytest.mark.parametrize(
    "booking",
    [
        None,
        a_booking(version=2),
        a_booking(Status.CONFIRMED, version=1),
        a_booking(Status.EXPIRED, version=1),
    ],
)
def test_what_time_has_overtaken_is_ignored(booking: Booking | None) -> None:
    assert isinstance(expire(booking).result, Ignored)
