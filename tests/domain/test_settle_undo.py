"""Carrying out what is owed: by the booking as it is now, again and again until it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import Moment, SettleUndo
from domain.effects import (
    CreateIntent,
    Declined,
    FindBooking,
    FindIntent,
    FindUndo,
    Full,
    NothingHeld,
    RefundPayment,
    ReleaseInventory,
    Reservation,
    ReserveInventory,
    UpdateReservation,
)
from domain.lifecycle import Status
from domain.outcome import Accepted, EventType, Ignored, Settled, StillOwed
from domain.principal import System
from domain.undo import (
    Owed,
    RefundMade,
    RefundOwed,
    ReleaseOwed,
    RestoreReservation,
    Undo,
    whole_refund_key,
)
from domain.workflows.create_booking import create_booking
from domain.workflows.settle_undo import settle_undo
from tests.builders import (
    BOOKING_ID,
    COMMAND_ID,
    NOW,
    TOMORROW,
    VENUE_ID,
    a_booking,
    a_create,
    a_price,
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
    Ended,
    an_intent,
    given,
)

CREATED = given(create_booking(a_create(), at(), rules())).ends()
RESERVE = CREATED.one(ReserveInventory)
RELEASE = ReleaseOwed("release", "BR-1", "res_1")
LOST_RESERVE = ReleaseOwed("release", RESERVE.booking_reference, None, reserve=RESERVE)
REFUND = RefundOwed("refund", "pi_1", eur(110), "booking cancelled")
UNSEEN = RefundOwed("refund", "pi_1", None, "charged too late")
CHARGED = an_intent(PaymentStatus.SUCCEEDED, amount=eur(110))
UNDER_WAY = an_intent(PaymentStatus.PROCESSING)

CANCELLED = a_booking(Status.CANCELLED)
CONFIRMED = a_booking(Status.CONFIRMED)


def settle(
    owed: Owed,
    booking: Booking | None,
    script: dict[Any, Any] | None = None,
    moment: Moment | None = None,
    since: datetime | None = None,
) -> Ended[Any]:
    """One try at what is owed since long ago, or `since`."""
    undo = replace(Undo.of(owed, BOOKING_ID, VENUE_ID), since=since)
    command = SettleUndo(asked_by(System(), COMMAND_ID), undo.id, BOOKING_ID, undo.attempt)
    answers = {FindUndo: undo, FindBooking: booking, **(script or {})}
    return given(settle_undo(command, moment or at(), rules())).answers(answers)


def still_owed(ended: Ended[Any]) -> StillOwed:
    assert isinstance(ended.result, StillOwed), ended.result
    return ended.result


def done(ended: Ended[Any]) -> Settled:
    assert isinstance(ended.result, Settled), ended.result
    return ended.result


def changed(ended: Ended[Any]) -> Accepted:
    change = done(ended).change
    assert change is not None
    return change


@pytest.mark.parametrize("found", [None, Undo(UUID(int=1), BOOKING_ID, VENUE_ID, RELEASE, 7)])
def test_what_is_settled_or_tried_again_already_is_ignored(found: Undo | None) -> None:
    ended = settle(RELEASE, CANCELLED, {FindUndo: found})
    assert isinstance(ended.result, Ignored)


def test_a_release_is_carried_out_under_its_own_key() -> None:
    ended = settle(RELEASE, CANCELLED)
    assert done(ended).change is None
    assert ended.one(ReleaseInventory).key == "release"


def test_by_its_id_a_404_says_that_nothing_is_held() -> None:
    done(settle(RELEASE, CANCELLED, {ReleaseInventory: NothingHeld()}))


def test_a_release_that_fails_again_stays_owed() -> None:
    ended = settle(RELEASE, CANCELLED, {ReleaseInventory: INVENTORY_AWAY})
    assert isinstance(ended.result, StillOwed)


def test_what_an_active_booking_stands_on_is_never_released() -> None:
    ended = settle(RELEASE, CONFIRMED)
    done(ended)
    assert ended.all(ReleaseInventory) == []
    assert ended.one(UpdateReservation).booking_time == CONFIRMED.slot.starts_at


def test_an_item_that_an_active_booking_left_is_released() -> None:
    ended = settle(ReleaseOwed("release", "BR-1", "res_0"), CONFIRMED)
    assert ended.one(ReleaseInventory).reservation_id == "res_0"


def test_a_lost_reserve_is_released_by_reference_first() -> None:
    ended = settle(LOST_RESERVE, None)
    done(ended)
    assert ended.one(ReleaseInventory).reservation_id is None
    assert ended.all(ReserveInventory) == []


def test_after_a_404_the_reserve_is_sent_again_with_its_old_key_and_what_it_gives_released() -> (
    None
):
    script = {
        ReserveInventory: Reservation("res_7", None, None),
        ReleaseInventory: [NothingHeld(), NothingHeld()],
    }
    ended = settle(LOST_RESERVE, None, script)
    done(ended)
    assert ended.one(ReserveInventory) == RESERVE
    by_reference, by_id = ended.all(ReleaseInventory)
    assert by_id.reservation_id == "res_7"
    assert by_reference.key != by_id.key


def test_a_reserve_that_is_full_under_its_old_key_was_never_made() -> None:
    script = {ReserveInventory: Full(None), ReleaseInventory: NothingHeld()}
    done(settle(LOST_RESERVE, None, script))


def test_once_the_slot_is_over_a_404_is_proof_enough() -> None:
    over = at(TOMORROW + timedelta(hours=3))
    ended = settle(LOST_RESERVE, None, {ReleaseInventory: NothingHeld()}, over)
    done(ended)
    assert ended.all(ReserveInventory) == []


def test_nothing_is_released_by_a_reference_that_an_active_booking_may_stand_on() -> None:
    script = {ReserveInventory: Reservation("res_7", None, None)}
    ended = settle(LOST_RESERVE, CONFIRMED, script)
    assert [release.reservation_id for release in ended.all(ReleaseInventory)] == ["res_7"]


def test_a_lost_update_is_overwritten_by_what_the_booking_is_now() -> None:
    ended = settle(RestoreReservation("restore", "res_1"), CONFIRMED)
    done(ended)
    assert ended.one(UpdateReservation).booking_time == CONFIRMED.slot.starts_at


@pytest.mark.parametrize("answer", [INVENTORY_AWAY, Full(None)])
def test_a_restore_that_inventory_refuses_stays_open_and_visible(answer: object) -> None:
    ended = settle(RestoreReservation("restore", "res_1"), CONFIRMED, {UpdateReservation: answer})
    assert isinstance(ended.result, StillOwed)


@pytest.mark.parametrize("booking", [None, CANCELLED])
def test_there_is_nothing_to_restore_for_a_booking_that_ended(booking: Booking | None) -> None:
    ended = settle(RestoreReservation("restore", "res_1"), booking)
    done(ended)
    assert ended.all(UpdateReservation) == []


def test_a_refund_makes_the_bookings_next_version() -> None:
    ended = settle(REFUND, CANCELLED)
    change = changed(ended)
    (event,) = change.events
    assert change.booking.version == CANCELLED.version + 1
    assert change.booking.payment.status is PaymentStatus.REFUNDED
    assert (event.type, event.changed_by) == (EventType.UPDATED, "system")
    assert event.changes == {
        "payment_status": (PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED),
        "amount_refunded": ("0.00", "110.00"),
    }
    assert ended.one(RefundPayment).key == "refund"


def test_a_refund_that_fails_again_stays_owed() -> None:
    ended = settle(REFUND, CANCELLED, {RefundPayment: PAYMENT_AWAY})
    assert isinstance(ended.result, StillOwed)


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW])
@pytest.mark.parametrize("owed", [REFUND, UNSEEN])
def test_what_a_booking_stands_on_is_never_refunded(status: Status, owed: RefundOwed) -> None:
    assert settle(owed, a_booking(status)).all(RefundPayment) == []


def test_a_charge_that_a_booking_uses_is_owed_no_longer() -> None:
    assert done(settle(UNSEEN, CONFIRMED)).change is None


def test_a_refund_that_was_begun_and_not_heard_stays_visible_while_a_booking_stands_on_it() -> None:
    """A cancellation that died: to send it again would make it, if it was not made yet."""
    still_owed(settle(REFUND, CONFIRMED, {FindIntent: CHARGED}))


def test_a_refund_that_took_place_before_its_cancellation_died_is_recorded() -> None:
    gone = an_intent(PaymentStatus.FAILED, amount=eur(110))
    change = changed(settle(REFUND, CONFIRMED, {FindIntent: gone}))
    assert change.booking.status is Status.CONFIRMED
    assert change.booking.version == CONFIRMED.version + 1
    assert change.booking.payment.status is PaymentStatus.REFUNDED
    assert [happened.type for happened in change.events] == [EventType.UPDATED]


def test_a_refund_that_was_heard_of_before_its_cancellation_died_is_recorded() -> None:
    made = RefundMade("made", "pi_1", eur(50))
    ended = settle(made, CONFIRMED)
    assert changed(ended).booking.payment.kept == eur(60)
    assert ended.all(RefundPayment) == []


def test_a_refund_of_what_a_pending_booking_has_not_seen_yet_is_recorded_with_its_charge() -> None:
    made = RefundMade("made", "pi_1", eur(50))
    payment = changed(settle(made, a_booking(), {FindIntent: CHARGED})).booking.payment
    assert (payment.paid, payment.refunded) == (eur(110), eur(50))


@pytest.mark.parametrize(
    "booking",
    [
        None,
        a_booking(Status.CONFIRMED, payment=paid(intent_id="pi_2")),
        a_booking(Status.CANCELLED, payment=paid().given_back(eur(110))),
    ],
)
def test_a_refund_that_is_recorded_already_or_is_nobodys_is_not_recorded(
    booking: Booking | None,
) -> None:
    assert done(settle(RefundMade("made", "pi_1", eur(50)), booking)).change is None


def test_a_refund_that_is_refused_as_the_money_is_gone_already_is_recorded() -> None:
    """Made by hand at the payment service, or by a command that died under another key."""
    script = {RefundPayment: PAYMENT_AWAY, FindIntent: an_intent(PaymentStatus.FAILED)}
    change = changed(settle(REFUND, CANCELLED, script))
    assert change.booking.payment.status is PaymentStatus.REFUNDED


def test_another_amount_goes_back_under_another_key() -> None:
    partly = a_booking(Status.CANCELLED, payment=paid().given_back(eur(60)))
    assert settle(REFUND, partly).one(RefundPayment).key not in ("refund", whole_refund_key("pi_1"))


# --- a no proves nothing while the lost call may still be under way ---

JUST_NOW = NOW - timedelta(seconds=5)


def test_a_reserve_that_is_full_under_its_old_key_may_land_later_all_the_same() -> None:
    script = {ReserveInventory: Full(None), ReleaseInventory: NothingHeld()}
    still_owed(settle(LOST_RESERVE, None, script, since=JUST_NOW))


def test_an_intent_that_is_declined_under_its_old_key_may_be_made_later_all_the_same() -> None:
    lost = RefundOwed("refund", None, None, "refused", create=CREATED.one(CreateIntent))
    still_owed(settle(lost, None, {CreateIntent: Declined(None)}, since=JUST_NOW))
    done(settle(lost, None, {CreateIntent: Declined(None)}))


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_a_lost_confirmation_may_charge_after_the_end_of_its_booking_looked(
    status: Status,
) -> None:
    ended_now = a_booking(status, payment=unpaid(), expires_at=None, updated_at=JUST_NOW)
    still_owed(settle(UNSEEN, ended_now))
    still_owed(settle(UNSEEN, replace(ended_now, updated_at=NOW - timedelta(hours=1)), since=NOW))
    done(settle(UNSEEN, ended_now, moment=at(NOW + timedelta(hours=1)), since=JUST_NOW))


def test_a_replaced_intent_may_be_paid_a_little_after_its_booking_was_confirmed() -> None:
    replaced = RefundOwed("refund", "pi_0", None, "replaced")
    still_owed(settle(replaced, replace(CONFIRMED, updated_at=JUST_NOW)))


def test_an_intent_that_nobody_knows_the_secret_of_cannot_be_paid_later() -> None:
    lost = RefundOwed("refund", None, None, "refused", create=CREATED.one(CreateIntent))
    done(settle(lost, None, since=JUST_NOW))


def test_a_charge_under_way_of_a_booking_paid_at_the_venue_is_waited_for() -> None:
    at_venue = Payment("pi_1", PaymentStatus.AT_VENUE, eur(0), eur(0))
    booking = a_booking(Status.CONFIRMED, payment=at_venue)
    still_owed(settle(UNSEEN, booking, {FindIntent: UNDER_WAY}))


@pytest.mark.parametrize("owed", [RELEASE, RestoreReservation("restore", "res_1")])
def test_what_inventory_was_told_again_is_told_once_more_after_what_may_land_late(
    owed: Owed,
) -> None:
    still_owed(settle(owed, CONFIRMED, since=JUST_NOW))
    done(settle(owed, CONFIRMED))


def test_what_was_paid_beyond_the_price_goes_back_from_an_active_booking() -> None:
    cheaper = a_booking(Status.CONFIRMED, price=a_price(80))
    change = changed(settle(RefundOwed("refund", "pi_1", eur(30), "price lowered"), cheaper))
    assert change.booking.payment.kept == eur(80)


def test_no_more_goes_back_than_is_kept() -> None:
    partly = a_booking(Status.CANCELLED, payment=paid().given_back(eur(60)))
    ended = settle(REFUND, partly)
    assert ended.one(RefundPayment).amount == eur(50)


def test_a_charge_seen_only_after_the_end_goes_back() -> None:
    unseen = a_booking(Status.EXPIRED, payment=unpaid(), expires_at=None)
    change = changed(settle(UNSEEN, unseen, {FindIntent: CHARGED}))
    assert (change.booking.payment.paid, change.booking.payment.refunded) == (eur(110), eur(110))


def test_a_charge_online_of_a_booking_paid_at_the_venue_goes_back() -> None:
    zero = eur(0)
    at_venue = Payment("pi_1", PaymentStatus.AT_VENUE, zero, zero)
    booking = a_booking(Status.CONFIRMED, payment=at_venue)
    change = changed(settle(UNSEEN, booking, {FindIntent: CHARGED}))
    assert change.booking.payment.status is PaymentStatus.AT_VENUE
    assert change.booking.payment.refunded == eur(110)


@pytest.mark.parametrize("answer", [PAYMENT_AWAY, UNDER_WAY])
@pytest.mark.parametrize("booking", [None, a_booking(Status.EXPIRED, payment=unpaid())])
def test_an_open_question_about_a_charge_stays_owed(
    answer: object, booking: Booking | None
) -> None:
    ended = settle(UNSEEN, booking, {FindIntent: answer})
    assert isinstance(ended.result, StillOwed)


def test_an_intent_that_was_never_charged_owes_nothing() -> None:
    unseen = a_booking(Status.EXPIRED, payment=unpaid())
    assert done(settle(UNSEEN, unseen)).change is None


def test_a_pending_bookings_charge_waits_for_its_confirmation_or_its_end() -> None:
    ended = settle(UNSEEN, a_booking())
    assert isinstance(ended.result, StillOwed)
    assert ended.all(FindIntent) == []


def test_an_intent_that_was_replaced_goes_back_when_it_is_paid_all_the_same() -> None:
    replaced = RefundOwed("refund", "pi_0", None, "replaced")
    charged = an_intent(PaymentStatus.SUCCEEDED, "pi_0", amount=eur(70))
    ended = settle(replaced, CONFIRMED, {FindIntent: charged})
    assert done(ended).change is None
    assert ended.one(RefundPayment).amount == eur(70)


def test_an_intent_that_was_replaced_can_be_paid_as_long_as_its_booking_is_pending() -> None:
    replaced = RefundOwed("refund", "pi_0", None, "replaced")
    assert isinstance(settle(replaced, a_booking()).result, StillOwed)
    assert done(settle(replaced, CONFIRMED)).change is None


def test_a_lost_intent_is_made_again_to_learn_its_id_and_refunded() -> None:
    create = CREATED.one(CreateIntent)
    lost = RefundOwed("refund", None, None, "refused", create=create)
    ended = settle(lost, None, {CreateIntent: CHARGED, FindIntent: CHARGED})
    done(ended)
    assert ended.one(CreateIntent) == create
    assert ended.one(RefundPayment).amount == eur(110)


def test_a_lost_intent_that_cannot_be_asked_for_stays_owed() -> None:
    lost = RefundOwed("refund", None, None, "refused", create=CREATED.one(CreateIntent))
    ended = settle(lost, None, {CreateIntent: PAYMENT_AWAY})
    assert isinstance(ended.result, StillOwed)


def test_settling_again_at_another_time_asks_under_the_same_refund_key() -> None:
    later = at(NOW + timedelta(days=1))
    first, again = settle(REFUND, CANCELLED), settle(REFUND, CANCELLED, moment=later)
    assert first.one(RefundPayment) == again.one(RefundPayment)


def test_two_commands_that_owe_one_whole_intent_have_it_refunded_once() -> None:
    charged = {FindIntent: an_intent(PaymentStatus.SUCCEEDED, "pi_0", amount=eur(70))}
    lost = settle(RefundOwed("one", "pi_0", None, "charged too late"), CONFIRMED, charged)
    replaced = settle(RefundOwed("other", "pi_0", None, "replaced"), CONFIRMED, charged)
    assert lost.one(RefundPayment).key == replaced.one(RefundPayment).key
