"""Confirming, checking in, completing, no-show: who, when, and what the payment service says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.booking import Booking, PaymentStatus
from domain.commands import ChangeStatus, Moment
from domain.effects import (
    ConfirmIntent,
    Declined,
    FindBooking,
    FindIntent,
    ReleaseInventory,
)
from domain.lifecycle import Status
from domain.outcome import Claims, EventType, StatusChange
from domain.refusal import Code
from domain.undo import RefundOwed, ReleaseOwed
from domain.workflows.change_status import change_status
from tests.builders import (
    BUSINESS,
    GUEST,
    NOW,
    SOMEBODY_ELSE,
    TOMORROW,
    a_booking,
    a_price,
    a_status,
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

PENDING = a_booking()
CONFIRMED = a_booking(Status.CONFIRMED)
CHARGED = an_intent(PaymentStatus.SUCCEEDED, amount=eur(110))
OPEN = an_intent()


def change(
    booking: Booking | None,
    command: ChangeStatus,
    moment: Moment | None = None,
    script: dict[Any, Any] | None = None,
) -> Ended[Any]:
    workflow = change_status(command, moment or at(), rules())
    return given(workflow, booking=booking).answers(script or {})


def confirm(booking: Booking = PENDING, **script: Any) -> Ended[Any]:
    kinds: dict[str, Any] = {"found": FindIntent, "confirmed": ConfirmIntent}
    answers = {kinds[name]: answer for name, answer in script.items()}
    return change(booking, a_status(Status.CONFIRMED, GUEST), script=answers)


def test_a_confirmation_charges_the_intent() -> None:
    ended = confirm()
    booking = ended.accepted.booking
    assert ended.kinds == [FindBooking, FindIntent, ConfirmIntent]
    assert (booking.status, booking.version) == (Status.CONFIRMED, 2)
    assert (booking.payment.status, booking.payment.paid) == (PaymentStatus.SUCCEEDED, eur(110))
    assert booking.confirmed_at == at().decided
    assert booking.expires_at is None
    assert ended.accepted.claims is Claims.KEEP


def test_it_says_confirmed_and_then_status_changed() -> None:
    accepted = confirm().accepted
    confirmed, changed = accepted.events
    assert (confirmed.type, changed.type) == (EventType.CONFIRMED, EventType.STATUS_CHANGED)
    assert (changed.from_status, changed.to_status) == (Status.PENDING, Status.CONFIRMED)
    assert (confirmed.from_status, confirmed.to_status) == (Status.PENDING, Status.CONFIRMED)
    assert {confirmed.changed_by, changed.changed_by} == {GUEST.label}
    assert accepted.history == StatusChange(Status.PENDING, Status.CONFIRMED, GUEST.label, None)


def test_a_charge_that_went_through_before_is_used_and_not_made_again() -> None:
    ended = confirm(found=CHARGED)
    assert ended.accepted.booking.payment.paid == eur(110)
    assert ended.all(ConfirmIntent) == []


def test_a_booking_paid_at_its_creation_is_confirmed_without_any_call() -> None:
    assert confirm(a_booking(payment=paid())).kinds == [FindBooking]


def test_a_zero_total_is_confirmed_without_any_call() -> None:
    ended = confirm(a_booking(price=a_price(0), payment=unpaid(None)))
    assert ended.accepted.booking.payment.status is PaymentStatus.NOT_REQUIRED


@pytest.mark.parametrize("answer", [Declined(None), an_intent(PaymentStatus.FAILED)])
def test_a_declined_payment_leaves_it_pending(answer: object) -> None:
    assert confirm(confirmed=answer).code is Code.PAYMENT_DECLINED


@pytest.mark.parametrize("status", [PaymentStatus.REQUIRES_PAYMENT, PaymentStatus.PROCESSING])
def test_anything_but_succeeded_requires_payment(status: PaymentStatus) -> None:
    assert confirm(confirmed=an_intent(status)).code is Code.PAYMENT_REQUIRED


def test_a_payment_under_way_is_not_confirmed_a_second_time() -> None:
    ended = confirm(found=an_intent(PaymentStatus.PROCESSING))
    assert (ended.code, ended.all(ConfirmIntent)) == (Code.PAYMENT_REQUIRED, [])


def test_less_than_the_price_requires_payment() -> None:
    short = an_intent(PaymentStatus.SUCCEEDED, amount=eur(100))
    assert confirm(found=short).code is Code.PAYMENT_REQUIRED


def test_payment_away_is_told_before_anything_is_charged() -> None:
    ended = confirm(found=PAYMENT_AWAY)
    assert (ended.code, ended.rejected.owed) == (Code.PAYMENT_FAILED, ())


def test_a_lost_confirmation_is_asked_again() -> None:
    ended = confirm(found=[OPEN, CHARGED], confirmed=PAYMENT_LOST)
    assert ended.accepted.booking.payment.status is PaymentStatus.SUCCEEDED


def test_a_lost_confirmation_that_turns_out_failed_is_declined() -> None:
    failed = an_intent(PaymentStatus.FAILED)
    assert confirm(found=[OPEN, failed], confirmed=PAYMENT_LOST).code is Code.PAYMENT_DECLINED


@pytest.mark.parametrize("second", [OPEN, PAYMENT_AWAY])
def test_a_confirmation_nobody_can_tell_of_fails_and_its_charge_is_owed(second: object) -> None:
    ended = confirm(found=[OPEN, second], confirmed=PAYMENT_LOST)
    (undo,) = ended.rejected.owed
    assert ended.code is Code.PAYMENT_FAILED
    assert isinstance(undo.owed, RefundOwed)
    assert (undo.owed.intent_id, undo.owed.amount) == ("pi_1", None)


def test_past_its_expiry_it_is_too_late_whether_swept_or_not() -> None:
    ended = change(PENDING, a_status(Status.CONFIRMED, GUEST), at(NOW + timedelta(minutes=10)))
    assert (ended.code, ended.kinds) == (Code.TOO_LATE, [FindBooking])


def test_confirmed_in_time_counts_by_when_it_was_sent() -> None:
    in_time = at(NOW + timedelta(minutes=9), decided=NOW + timedelta(minutes=20))
    ended = change(PENDING, a_status(Status.CONFIRMED, GUEST), in_time)
    assert ended.accepted.booking.status is Status.CONFIRMED


def test_a_guest_cannot_confirm_after_the_start_but_the_venue_can() -> None:
    started = a_booking(expires_at=None)
    late = at(TOMORROW)
    assert change(started, a_status(Status.CONFIRMED, GUEST), late).code is Code.TOO_LATE
    assert change(started, a_status(Status.CONFIRMED, BUSINESS), late).accepted.booking.version == 2


def test_the_venue_confirms_as_paid_at_the_venue() -> None:
    ended = change(PENDING, a_status(Status.CONFIRMED, payment="at_venue"))
    payment = ended.accepted.booking.payment
    assert (payment.status, payment.paid) == (PaymentStatus.AT_VENUE, eur(0))
    assert ended.all(ConfirmIntent) == []
    assert ended.accepted.owed == ()


def test_paid_at_the_venue_while_payment_is_away_owes_a_charge_that_nobody_saw() -> None:
    at_venue = a_status(Status.CONFIRMED, payment="at_venue")
    ended = change(PENDING, at_venue, script={FindIntent: PAYMENT_AWAY})
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.amount is None


def test_paid_online_after_all_is_not_paid_at_the_venue() -> None:
    at_venue = a_status(Status.CONFIRMED, payment="at_venue")
    ended = change(PENDING, at_venue, script={FindIntent: CHARGED})
    assert ended.accepted.booking.payment.status is PaymentStatus.SUCCEEDED


def test_check_in_opens_twelve_hours_before_the_start() -> None:
    opens = TOMORROW - timedelta(hours=12)
    early = change(CONFIRMED, a_status(Status.CHECKED_IN), at(opens - timedelta(seconds=1)))
    ended = change(CONFIRMED, a_status(Status.CHECKED_IN), at(opens))
    assert early.code is Code.TOO_SOON
    assert ended.accepted.booking.checked_in_at == at(opens).decided
    assert ended.accepted.claims is Claims.KEEP


def test_a_guest_is_awaited_until_the_grace_has_passed() -> None:
    awaited_until = TOMORROW + timedelta(minutes=15)
    early = change(CONFIRMED, a_status(Status.NO_SHOW), at(awaited_until - timedelta(seconds=1)))
    ended = change(CONFIRMED, a_status(Status.NO_SHOW), at(awaited_until))
    assert early.code is Code.TOO_SOON
    assert ended.accepted.booking.status is Status.NO_SHOW


def test_a_no_show_frees_slot_and_inventory_and_keeps_the_money() -> None:
    ended = change(CONFIRMED, a_status(Status.NO_SHOW), at(TOMORROW + timedelta(hours=1)))
    assert [event.type for event in ended.accepted.events] == [EventType.STATUS_CHANGED]
    assert ended.one(ReleaseInventory).reservation_id == "res_1"
    assert ended.accepted.claims is Claims.FREE
    assert ended.accepted.booking.payment == CONFIRMED.payment


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.CHECKED_IN])
def test_completing_frees_slot_and_inventory(status: Status) -> None:
    ended = change(a_booking(status), a_status(Status.COMPLETED))
    assert ended.accepted.booking.completed_at == at().decided
    assert ended.accepted.claims is Claims.FREE
    assert ended.accepted.owed == ()


def test_an_outage_does_not_stop_the_end_of_a_stay() -> None:
    ended = change(CONFIRMED, a_status(Status.COMPLETED), script={ReleaseInventory: INVENTORY_AWAY})
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, ReleaseOwed)


@pytest.mark.parametrize("to", [Status.PENDING, Status.EXPIRED, Status.CONFIRMED])
def test_a_status_that_cannot_be_reached_is_an_invalid_transition(to: Status) -> None:
    ended = change(CONFIRMED, a_status(to))
    assert ended.code is Code.INVALID_TRANSITION
    assert ended.refusal.extras == {
        "from": "confirmed",
        "to": to.value,
        "allowed": ["checked_in", "completed", "cancelled", "no_show"],
    }


def test_the_version_counts_before_an_unreachable_status() -> None:
    ended = change(CONFIRMED, a_status(Status.PENDING, expected_version=1))
    assert ended.code is Code.VERSION_CONFLICT


def test_the_transition_counts_before_the_time() -> None:
    ended = change(PENDING, a_status(Status.CHECKED_IN))
    assert ended.code is Code.INVALID_TRANSITION


def test_status_cancelled_is_a_cancellation() -> None:
    ended = change(CONFIRMED, a_status(Status.CANCELLED, GUEST, reason="ill"))
    assert ended.accepted.booking.cancellation_reason == "ill"
    assert ended.accepted.booking.payment.status is PaymentStatus.REFUNDED


@pytest.mark.parametrize("booking", [None, CONFIRMED])
def test_what_is_not_there_or_not_yours_is_not_found(booking: Booking | None) -> None:
    ended = change(booking, a_status(Status.CONFIRMED, SOMEBODY_ELSE))
    assert ended.code is Code.BOOKING_NOT_FOUND


def test_the_reason_stands_in_the_history() -> None:
    ended = change(CONFIRMED, a_status(Status.COMPLETED, reason="left early"))
    assert ended.accepted.history == StatusChange(
        Status.CONFIRMED, Status.COMPLETED, BUSINESS.label, "left early"
    )
