"""Cancelling: what comes back, who may, and that no outage stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.booking import Booking, Payment, PaymentStatus, VenueType
from domain.commands import CancelBooking, Moment
from domain.effects import FindIntent, RefundPayment, ReleaseInventory
from domain.lifecycle import Status
from domain.outcome import Claims, EventType, StatusChange
from domain.principal import Principal
from domain.refusal import Code
from domain.rules import RefundStep, Rules
from domain.undo import RefundOwed, ReleaseOwed
from domain.workflows.cancel_booking import cancel_booking
from tests.builders import (
    ADMIN,
    ANOTHER_BUSINESS,
    BUSINESS,
    GUEST,
    NOW,
    SOMEBODY_ELSE,
    TOMORROW,
    a_booking,
    a_cancellation,
    asked_by,
    at,
    eur,
    paid,
    rules,
    unpaid,
)
from tests.domain.given import (
    INVENTORY_AWAY,
    PAYMENT_AWAY,
    PAYMENT_LOST,
    Ended,
    an_intent,
    given,
)

CONFIRMED = a_booking(Status.CONFIRMED)
PAID_AT_VENUE = replace(unpaid(), status=PaymentStatus.AT_VENUE)
CHARGED = an_intent(PaymentStatus.SUCCEEDED, amount=eur(110))


def cancel(
    booking: Booking | None,
    command: CancelBooking | None = None,
    moment: Moment | None = None,
    house: Rules | None = None,
    **script: Any,
) -> Ended[Any]:
    answers = _by_kind(script)
    workflow = cancel_booking(command or a_cancellation(), moment or at(), house or rules())
    return given(workflow, booking=booking).answers(answers)


def _by_kind(script: dict[str, Any]) -> dict[Any, Any]:
    kinds = {"intent": FindIntent, "refund": RefundPayment, "release": ReleaseInventory}
    return {kinds[name]: answer for name, answer in script.items()}


def test_a_paid_booking_is_released_and_refunded() -> None:
    ended = cancel(CONFIRMED, a_cancellation(reason="ill"))
    booking = ended.accepted.booking
    assert (booking.status, booking.version) == (Status.CANCELLED, 3)
    assert booking.payment.status is PaymentStatus.REFUNDED
    assert booking.payment.refunded == eur(110)
    assert (booking.cancellation_reason, booking.cancelled_by) == ("ill", GUEST.label)
    assert ended.one(ReleaseInventory).reservation_id == "res_1"
    assert ended.accepted.claims is Claims.FREE
    assert ended.accepted.owed == ()


def test_it_says_cancelled_and_then_status_changed_at_the_same_version() -> None:
    accepted = cancel(CONFIRMED, a_cancellation(reason="ill")).accepted
    cancelled, changed = accepted.events
    assert (cancelled.type, changed.type) == (EventType.CANCELLED, EventType.STATUS_CHANGED)
    assert (changed.from_status, changed.to_status) == (Status.CONFIRMED, Status.CANCELLED)
    assert accepted.history == StatusChange(Status.CONFIRMED, Status.CANCELLED, GUEST.label, "ill")


def test_an_unpaid_booking_asks_the_intent_and_refunds_nothing() -> None:
    ended = cancel(a_booking())
    assert ended.all(RefundPayment) == []
    assert ended.one(FindIntent).intent_id == "pi_1"
    assert ended.accepted.booking.expires_at is None


def test_what_was_paid_in_the_meantime_comes_back() -> None:
    ended = cancel(a_booking(), intent=CHARGED)
    payment = ended.accepted.booking.payment
    assert (payment.paid, payment.refunded) == (eur(110), eur(110))


def test_a_cancellation_after_one_that_died_asks_for_the_same_refund() -> None:
    """The first one's may have taken place; under the same key it does not do so twice."""
    one = a_cancellation(asked=asked_by(GUEST, UUID(int=1)))
    other = a_cancellation(BUSINESS, asked=asked_by(BUSINESS, UUID(int=2)), reason="again")
    assert cancel(CONFIRMED, one).one(RefundPayment) == cancel(CONFIRMED, other).one(RefundPayment)


def test_no_outage_stops_it_and_what_failed_is_owed() -> None:
    ended = cancel(CONFIRMED, release=INVENTORY_AWAY, refund=PAYMENT_LOST)
    assert ended.accepted.booking.status is Status.CANCELLED
    assert ended.accepted.booking.payment.refunded == eur(0)
    release, refund = (undo.owed for undo in ended.accepted.owed)
    assert isinstance(release, ReleaseOwed)
    assert isinstance(refund, RefundOwed)
    assert release.reservation_id == "res_1"
    assert (refund.key, refund.amount) == (ended.one(RefundPayment).key, eur(110))


@pytest.mark.parametrize("answer", [PAYMENT_AWAY, an_intent(PaymentStatus.PROCESSING)])
def test_a_payment_nobody_can_tell_of_is_owed_once_it_is_seen(answer: object) -> None:
    ended = cancel(a_booking(), intent=answer)
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.amount == eur(110)
    assert ended.all(RefundPayment) == []


@pytest.mark.parametrize(
    ("notice", "refunded"),
    [(timedelta(hours=48), 110), (timedelta(hours=47), 55), (timedelta(hours=23), 0)],
)
def test_the_policy_gives_back_by_the_notice_kept(notice: timedelta, refunded: int) -> None:
    policy = (
        RefundStep(timedelta(hours=24), Decimal(50)),
        RefundStep(timedelta(hours=48), Decimal(100)),
    )
    house = rules(refund={VenueType.RESTAURANT: policy})
    ended = cancel(CONFIRMED, moment=at(TOMORROW - notice), house=house)
    assert ended.accepted.booking.payment.refunded == eur(refunded)


def test_notice_counts_from_when_it_was_sent() -> None:
    house = rules(refund={VenueType.RESTAURANT: (RefundStep(timedelta(hours=24), Decimal(100)),)})
    late = at(NOW, decided=NOW + timedelta(hours=2))
    assert cancel(CONFIRMED, moment=late, house=house).accepted.booking.payment.refunded == eur(110)


def test_after_the_start_nothing_comes_back_unless_the_business_names_an_amount() -> None:
    after = at(TOMORROW + timedelta(minutes=1))
    nothing = cancel(CONFIRMED, a_cancellation(BUSINESS), after)
    named = cancel(CONFIRMED, a_cancellation(BUSINESS, refund_amount="30.00"), after)
    assert nothing.accepted.booking.payment.status is PaymentStatus.SUCCEEDED
    assert named.accepted.booking.payment.refunded == eur(30)
    assert named.accepted.booking.payment.status is PaymentStatus.PARTIALLY_REFUNDED


@pytest.mark.parametrize("amount", ["110.01", "-1", "1.005", "ten", "NaN"])
def test_a_named_refund_that_cannot_be_is_not_valid(amount: str) -> None:
    ended = cancel(CONFIRMED, a_cancellation(BUSINESS, refund_amount=amount))
    assert ended.code is Code.VALIDATION_FAILED
    assert [error.field for error in ended.refusal.errors] == ["data.refund_amount"]
    assert ended.all(ReleaseInventory) == []


@pytest.mark.parametrize("payment", [unpaid(), unpaid(intent_id=None), PAID_AT_VENUE])
def test_nothing_can_be_named_of_what_was_never_paid(payment: Payment) -> None:
    booking = a_booking(payment=payment)
    ended = cancel(booking, a_cancellation(BUSINESS, refund_amount="50.00"))
    assert ended.code is Code.VALIDATION_FAILED
    assert ended.refusal.errors[0].message == "expected at most 0.00 EUR"
    nothing = cancel(booking, a_cancellation(BUSINESS, refund_amount="0.00"))
    assert nothing.accepted.booking.status is Status.CANCELLED


def test_a_charge_under_way_can_be_named() -> None:
    under_way = an_intent(PaymentStatus.PROCESSING)
    ended = cancel(a_booking(), a_cancellation(BUSINESS, refund_amount="50.00"), intent=under_way)
    (owed,) = ended.accepted.owed
    assert isinstance(owed.owed, RefundOwed)
    assert owed.owed.amount == eur(50)


def test_what_an_update_owes_already_is_not_given_back_twice() -> None:
    cheaper = a_booking(Status.CONFIRMED, payment=paid(120))  # 10 of 120 on their way back
    assert cancel(cheaper).accepted.booking.payment.refunded == eur(110)


def test_a_booking_paid_at_the_venue_has_nothing_to_refund_and_stays_so() -> None:
    payment = replace(unpaid(), status=PaymentStatus.AT_VENUE)
    ended = cancel(a_booking(Status.CONFIRMED, payment=payment))
    assert ended.all(RefundPayment) == []
    assert ended.accepted.booking.payment == payment


@pytest.mark.parametrize("principal", [SOMEBODY_ELSE, ANOTHER_BUSINESS])
def test_somebody_elses_booking_is_not_found(principal: Principal) -> None:
    assert cancel(CONFIRMED, a_cancellation(principal)).code is Code.BOOKING_NOT_FOUND


def test_an_unknown_booking_is_not_found() -> None:
    assert cancel(None).code is Code.BOOKING_NOT_FOUND


def test_another_version_is_a_conflict() -> None:
    ended = cancel(CONFIRMED, a_cancellation(expected_version=1))
    assert (ended.code, ended.refusal.extras) == (Code.VERSION_CONFLICT, {"current_version": 2})


def test_the_version_counts_before_the_transition() -> None:
    ended = cancel(a_booking(Status.CANCELLED), a_cancellation(expected_version=1))
    assert ended.code is Code.VERSION_CONFLICT


@pytest.mark.parametrize(
    "status", [Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW, Status.EXPIRED]
)
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    ended = cancel(a_booking(status))
    assert ended.code is Code.INVALID_TRANSITION
    assert ended.refusal.extras == {"from": status.value, "to": "cancelled", "allowed": []}


def test_a_guest_is_too_late_once_it_has_started() -> None:
    assert cancel(CONFIRMED, moment=at(TOMORROW)).code is Code.TOO_LATE


@pytest.mark.parametrize("principal", [BUSINESS, ADMIN])
def test_after_check_in_the_venue_may_cancel(principal: Principal) -> None:
    ended = cancel(a_booking(Status.CHECKED_IN), a_cancellation(principal))
    assert ended.accepted.booking.status is Status.CANCELLED


def test_after_check_in_a_guest_may_not() -> None:
    assert cancel(a_booking(Status.CHECKED_IN)).code is Code.FORBIDDEN
