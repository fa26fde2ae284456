"""Updating: what can change when, what it does to slot, hold and money, and what is published."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.booking import Booking, Payment, PaymentStatus, VenueType
from domain.commands import Moment, UpdateBooking
from domain.effects import (
    ClaimSlot,
    CreateIntent,
    Declined,
    FindBooking,
    FindIntent,
    Full,
    GetQuote,
    RefundPayment,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    SlotTaken,
    UpdateReservation,
)
from domain.lifecycle import Status
from domain.outcome import Claims, EventType
from domain.refusal import Code
from domain.rules import ConflictScope, Rules
from domain.undo import RefundOwed, ReleaseOwed, RestoreReservation
from domain.workflows.update_booking import update_booking
from tests.builders import (
    BUSINESS,
    GUEST,
    NOW,
    SOMEBODY_ELSE,
    TOMORROW,
    a_booking,
    a_price,
    a_quote,
    a_venue,
    an_update,
    at,
    eur,
    paid,
    rules,
    unpaid,
)
from tests.domain.given import (
    INVENTORY_AWAY,
    INVENTORY_LOST,
    PAYMENT_AWAY,
    PAYMENT_LOST,
    PRICING_AWAY,
    Ended,
    an_intent,
    given,
)

PENDING = a_booking()
CONFIRMED = a_booking(Status.CONFIRMED)
LATER = TOMORROW + timedelta(hours=1)
NEW_INTENT = an_intent(intent_id="pi_2", client_secret="secret-2")
OTHER_TABLE = Reservation("res_2", "table-5", None)


def update(
    booking: Booking | None,
    command: UpdateBooking | None = None,
    script: dict[Any, Any] | None = None,
    moment: Moment | None = None,
    house: Rules | None = None,
    **changes: Any,
) -> Ended[Any]:
    version = booking.version if booking else 1
    command = command or an_update(GUEST, version, **changes)
    workflow = update_booking(command, moment or at(), house or rules())
    return given(workflow, booking=booking).answers({CreateIntent: NEW_INTENT, **(script or {})})


def test_a_moved_booking_is_priced_then_claimed_then_updated_at_inventory() -> None:
    ended = update(PENDING, booking_time=LATER)
    booking = ended.accepted.booking
    assert ended.kinds == [FindBooking, GetQuote, ClaimSlot, UpdateReservation]
    assert (booking.slot.starts_at, booking.slot.minutes) == (LATER, 120)
    assert (booking.version, booking.status) == (2, Status.PENDING)
    assert ended.one(ClaimSlot).extends
    assert ended.accepted.claims is Claims.REPLACE
    assert ended.accepted.history is None


def test_the_event_names_what_changed_old_and_new() -> None:
    (event,) = update(CONFIRMED, booking_time=LATER).accepted.events
    assert event.type is EventType.UPDATED
    assert event.changes == {
        "booking_time": (TOMORROW, LATER),
        "end_time": (TOMORROW + timedelta(hours=2), LATER + timedelta(hours=2)),
        "price_decision_reference": ("pd-1", "pd-2"),
    }


def test_personal_fields_make_a_version_and_an_event_that_names_none() -> None:
    ended = update(CONFIRMED, guest_name="Grace", guest_phone=None, special_requests="quiet")
    booking = ended.accepted.booking
    (event,) = ended.accepted.events
    assert (booking.contact.name, booking.contact.phone) == ("Grace", None)
    assert booking.contact.email == CONFIRMED.contact.email
    assert (event.changes, booking.version) == ({}, 3)
    assert ended.kinds == [FindBooking]


LOOK_ALIKES = pytest.mark.parametrize(
    ("old", "new"), [(1, True), (0, False), (1, 1.0), (0.0, -0.0), ([{"a": 0}], [{"a": False}])]
)


@LOOK_ALIKES
def test_metadata_that_json_tells_apart_has_changed(old: object, new: object) -> None:
    booking = a_booking(Status.CONFIRMED, metadata={"n": old})
    (event,) = update(booking, metadata={"n": new}).accepted.events
    assert repr(event.changes) == repr({"metadata": ({"n": old}, {"n": new})})


@LOOK_ALIKES
def test_during_the_stay_metadata_that_json_tells_apart_is_fixed(old: object, new: object) -> None:
    booking = a_booking(Status.CHECKED_IN, metadata={"n": old})
    ended = update(booking, an_update(BUSINESS, booking.version, metadata={"n": new}))
    assert ended.code is Code.NOT_MODIFIABLE
    assert [error.field for error in ended.refusal.errors] == ["data.metadata"]


def test_metadata_in_another_order_has_not_changed() -> None:
    booking = a_booking(Status.CONFIRMED, metadata={"a": 1, "b": {"c": [None], "d": "x"}})
    same = {"b": {"d": "x", "c": [None]}, "a": 1}
    (event,) = update(booking, metadata=same).accepted.events
    assert event.changes == {}


def test_an_update_that_changes_nothing_is_still_the_next_version() -> None:
    ended = update(CONFIRMED, party_size=2, booking_time=TOMORROW)
    assert ended.accepted.booking.version == 3
    assert ended.kinds == [FindBooking]
    assert ended.accepted.claims is Claims.KEEP


def test_a_new_length_keeps_the_start_and_a_new_end_counts() -> None:
    assert update(CONFIRMED, duration_minutes=90).accepted.booking.slot.minutes == 90
    until = TOMORROW + timedelta(minutes=45)
    assert update(CONFIRMED, end_time=until).accepted.booking.slot.ends_at == until


def test_an_end_before_the_start_is_not_valid() -> None:
    ended = update(CONFIRMED, end_time=TOMORROW - timedelta(hours=1))
    assert ended.code is Code.VALIDATION_FAILED
    assert [error.field for error in ended.refusal.errors] == ["data.end_time"]


def test_the_day_is_the_venues_own_and_else_that_of_the_offset_sent() -> None:
    late = datetime(2026, 6, 3, 23, 30, tzinfo=timezone(timedelta(hours=-1)))
    in_berlin = update(CONFIRMED, booking_time=late)
    nowhere = update(a_booking(Status.CONFIRMED, venue=a_venue(time_zone=None)), booking_time=late)
    assert in_berlin.accepted.booking.booking_date == date(2026, 6, 4)
    assert nowhere.accepted.booking.booking_date == date(2026, 6, 3)


def test_another_party_updates_the_reservation_and_claims_nothing() -> None:
    ended = update(CONFIRMED, party_size=4)
    assert ended.one(UpdateReservation).party_size == 4
    assert ended.all(ClaimSlot) == []
    assert ended.accepted.claims is Claims.KEEP


def test_another_item_is_a_new_reservation_and_the_old_one_goes_after_it() -> None:
    ended = update(CONFIRMED, item="table-5", script={ReserveInventory: OTHER_TABLE})
    assert ended.kinds == [FindBooking, ClaimSlot, ReserveInventory, ReleaseInventory]
    assert ended.one(ReserveInventory).booking_reference == "BR-20260602-ABCDEFGH-3"
    assert ended.one(ReleaseInventory).reservation_id == "res_1"
    assert ended.accepted.booking.hold.item == "table-5"
    assert ended.accepted.booking.hold.reservation_id == "res_2"


def test_an_item_that_is_cleared_is_picked_by_inventory_and_claimed_after_it() -> None:
    ended = update(CONFIRMED, item=None, script={ReserveInventory: OTHER_TABLE})
    assert ended.kinds == [FindBooking, ReserveInventory, ClaimSlot, ReleaseInventory]
    assert ended.one(ClaimSlot).item == "table-5"


def test_the_old_item_not_released_is_owed() -> None:
    ended = update(
        CONFIRMED,
        item="table-5",
        script={ReserveInventory: OTHER_TABLE, ReleaseInventory: INVENTORY_AWAY},
    )
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, ReleaseOwed)
    assert undo.owed.reservation_id == "res_1"


def test_where_inventory_alone_decides_an_update_claims_nothing() -> None:
    pooled = rules(conflict_scope={VenueType.RESTAURANT: ConflictScope.INVENTORY})
    ended = update(CONFIRMED, booking_time=LATER, house=pooled)
    assert (ended.all(ClaimSlot), ended.accepted.claims) == ([], Claims.KEEP)


def test_a_taken_slot_is_refused_before_anything_has_an_effect() -> None:
    ended = update(CONFIRMED, booking_time=LATER, script={ClaimSlot: SlotTaken(())})
    assert ended.code is Code.SLOT_UNAVAILABLE
    assert ended.all(UpdateReservation) == []


def test_inventory_without_room_is_no_capacity() -> None:
    ended = update(CONFIRMED, party_size=9, script={UpdateReservation: Full(None)})
    assert (ended.code, ended.rejected.owed) == (Code.NO_CAPACITY, ())


def test_a_lost_update_sends_what_the_booking_still_is() -> None:
    answers = [INVENTORY_LOST, INVENTORY_AWAY]
    ended = update(CONFIRMED, booking_time=LATER, script={UpdateReservation: answers})
    first, restored = ended.all(UpdateReservation)
    assert (first.booking_time, restored.booking_time) == (LATER, TOMORROW)
    assert first.key != restored.key
    (undo,) = ended.rejected.owed
    assert ended.code is Code.INVENTORY_UNAVAILABLE
    assert undo.owed == RestoreReservation(restored.key, "res_1")


def test_what_a_lost_update_was_overwritten_with_is_sent_again_later() -> None:
    """The lost one may land after it."""
    answers = [INVENTORY_LOST, ReservationUpdated("res_1")]
    ended = update(CONFIRMED, booking_time=LATER, script={UpdateReservation: answers})
    (undo,) = ended.rejected.owed
    assert isinstance(undo.owed, RestoreReservation)


def test_an_update_that_surely_did_not_land_restores_nothing() -> None:
    ended = update(CONFIRMED, booking_time=LATER, script={UpdateReservation: INVENTORY_AWAY})
    assert len(ended.all(UpdateReservation)) == 1
    assert ended.rejected.owed == ()


def test_a_pending_booking_gets_an_intent_for_its_new_price() -> None:
    ended = update(PENDING, party_size=3, script={GetQuote: a_quote(150)})
    booking = ended.accepted.booking
    assert ended.one(CreateIntent).amount == eur(150)
    assert (booking.payment.intent_id, booking.price.total) == ("pi_2", eur(150))
    assert ended.accepted.client_secret == "secret-2"
    (undo,) = ended.accepted.owed  # the old one may still be paid by the guest
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.intent_id == "pi_1"


def test_the_same_price_keeps_the_intent() -> None:
    assert update(PENDING, booking_time=LATER).all(CreateIntent) == []


def test_a_pending_booking_that_costs_nothing_any_more_needs_no_payment() -> None:
    ended = update(PENDING, party_size=1, script={GetQuote: a_quote(0)})
    assert ended.accepted.booking.payment.status is PaymentStatus.NOT_REQUIRED


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Declined(None), Code.PAYMENT_DECLINED),
        (an_intent(PaymentStatus.FAILED), Code.PAYMENT_DECLINED),
        (PAYMENT_AWAY, Code.PAYMENT_FAILED),
    ],
)
def test_without_a_new_intent_nothing_changes_at_inventory(answer: object, code: Code) -> None:
    ended = update(PENDING, party_size=3, script={GetQuote: a_quote(150), CreateIntent: answer})
    assert (ended.code, ended.all(UpdateReservation)) == (code, [])


def test_an_intent_charged_at_once_goes_back_when_inventory_has_no_room() -> None:
    charged = an_intent(PaymentStatus.SUCCEEDED, "pi_2", amount=eur(150))
    script = {GetQuote: a_quote(150), CreateIntent: charged, UpdateReservation: Full(None)}
    ended = update(PENDING, party_size=3, script=script)
    assert ended.code is Code.NO_CAPACITY
    assert ended.one(RefundPayment).intent_id == "pi_2"
    assert ended.rejected.owed == ()


def test_an_intent_charged_at_once_is_owed_when_its_refund_fails() -> None:
    charged = an_intent(PaymentStatus.SUCCEEDED, "pi_2", amount=eur(150))
    script = {
        GetQuote: a_quote(150),
        CreateIntent: charged,
        UpdateReservation: Full(None),
        RefundPayment: PAYMENT_LOST,
    }
    ended = update(PENDING, party_size=3, script=script)
    (undo,) = ended.rejected.owed
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.intent_id == "pi_2"


def test_a_payment_under_way_cannot_change_its_price() -> None:
    under_way = an_intent(PaymentStatus.PROCESSING)
    ended = update(PENDING, party_size=3, script={GetQuote: a_quote(150), FindIntent: under_way})
    assert ended.code is Code.PAYMENT_REQUIRED


def test_a_new_price_while_nobody_knows_whether_it_is_paid_fails() -> None:
    ended = update(PENDING, party_size=3, script={GetQuote: a_quote(150), FindIntent: PAYMENT_AWAY})
    assert ended.code is Code.PAYMENT_FAILED


def test_paid_and_cheaper_gives_the_difference_back() -> None:
    ended = update(CONFIRMED, party_size=1, script={GetQuote: a_quote(80)})
    payment = ended.accepted.booking.payment
    assert ended.one(RefundPayment).amount == eur(30)
    assert (payment.status, payment.kept) == (PaymentStatus.PARTIALLY_REFUNDED, eur(80))


def test_paid_in_the_meantime_and_cheaper_gives_the_difference_back() -> None:
    charged = an_intent(PaymentStatus.SUCCEEDED, amount=eur(110))
    ended = update(PENDING, party_size=1, script={GetQuote: a_quote(80), FindIntent: charged})
    assert ended.accepted.booking.payment.kept == eur(80)
    assert ended.all(CreateIntent) == []


def test_a_difference_that_fails_is_owed() -> None:
    script = {GetQuote: a_quote(80), RefundPayment: PAYMENT_LOST}
    ended = update(CONFIRMED, party_size=1, script=script)
    (undo,) = ended.accepted.owed
    assert isinstance(undo.owed, RefundOwed)
    assert (undo.owed.amount, undo.owed.key) == (eur(30), ended.one(RefundPayment).key)
    assert ended.accepted.booking.overpaid == eur(30)


def test_a_difference_already_owed_is_not_given_back_again() -> None:
    owed_thirty = a_booking(Status.CONFIRMED, price=a_price(80))
    ended = update(owed_thirty, party_size=1, script={GetQuote: a_quote(70)})
    assert ended.one(RefundPayment).amount == eur(10)


def test_paid_and_dearer_is_refused_with_both_totals() -> None:
    ended = update(CONFIRMED, party_size=3, script={GetQuote: a_quote(150)})
    assert ended.code is Code.PRICE_INCREASE_REQUIRES_PAYMENT
    assert ended.refusal.extras == {
        "current_total_price": "110.00",
        "new_total_price": "150.00",
        "currency": "EUR",
    }


def test_a_confirmed_booking_that_was_free_cannot_become_dear() -> None:
    free = a_booking(Status.CONFIRMED, price=a_price(0), payment=unpaid(None))
    ended = update(free, party_size=3, script={GetQuote: a_quote(150)})
    assert ended.code is Code.PRICE_INCREASE_REQUIRES_PAYMENT


def test_paid_at_the_venue_takes_any_new_price() -> None:
    zero = eur(0)
    at_venue = Payment("pi_1", PaymentStatus.AT_VENUE, zero, zero)
    booking = a_booking(Status.CONFIRMED, payment=at_venue)
    ended = update(booking, party_size=3, script={GetQuote: a_quote(150)})
    assert ended.accepted.booking.price.total == eur(150)
    assert ended.accepted.booking.payment == at_venue


def test_another_currency_is_a_failure_of_pricing() -> None:
    ended = update(CONFIRMED, party_size=1, script={GetQuote: a_quote(80, "USD")})
    assert ended.code is Code.PRICING_UNAVAILABLE


def test_pricing_away_falls_back_to_the_houses_own_price() -> None:
    ended = update(PENDING, party_size=3, script={GetQuote: PRICING_AWAY})
    price = ended.accepted.booking.price
    assert (price.total, price.is_fallback) == (eur(75), True)


def test_pricing_away_never_moves_money_that_was_paid() -> None:
    ended = update(CONFIRMED, party_size=3, script={GetQuote: PRICING_AWAY})
    assert ended.code is Code.PRICING_UNAVAILABLE
    assert ended.all(RefundPayment) == []


def test_pricing_away_without_a_fallback_refuses() -> None:
    ended = update(CONFIRMED, party_size=3, script={GetQuote: PRICING_AWAY}, house=Rules())
    assert ended.code is Code.PRICING_UNAVAILABLE


def test_a_pending_booking_gains_no_time_by_an_update() -> None:
    soon, later = NOW + timedelta(minutes=5), NOW + timedelta(hours=5)
    shorter = update(PENDING, booking_time=LATER, script={GetQuote: a_quote(valid_until=soon)})
    longer = update(PENDING, booking_time=LATER, script={GetQuote: a_quote(valid_until=later)})
    assert shorter.accepted.booking.expires_at == soon
    assert longer.accepted.booking.expires_at == PENDING.expires_at


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (NOW - timedelta(minutes=1), Code.BOOKING_IN_PAST),
        (NOW + timedelta(minutes=29), Code.TOO_SOON),
        (NOW + timedelta(days=366), Code.TOO_FAR_AHEAD),
    ],
)
def test_a_new_start_keeps_to_the_rules(start: datetime, code: Code) -> None:
    ended = update(CONFIRMED, booking_time=start)
    assert (ended.code, ended.kinds) == (code, [FindBooking])


def test_the_lead_time_matters_only_for_a_new_start() -> None:
    shortly_before = at(TOMORROW - timedelta(minutes=1))
    ended = update(CONFIRMED, duration_minutes=90, moment=shortly_before)
    assert ended.accepted.booking.slot.minutes == 90


@pytest.mark.parametrize(
    "status", [Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW, Status.EXPIRED]
)
def test_what_has_ended_is_not_modifiable(status: Status) -> None:
    assert update(a_booking(status), party_size=3).code is Code.NOT_MODIFIABLE


def test_during_the_stay_the_venue_changes_its_end_item_requests_and_notes() -> None:
    staying = a_booking(Status.CHECKED_IN)
    command = an_update(
        BUSINESS, 2, duration_minutes=180, special_requests="late", internal_notes="vip"
    )
    ended = update(staying, command, moment=at(TOMORROW + timedelta(hours=1)))
    assert ended.accepted.booking.slot.minutes == 180
    assert ended.accepted.booking.internal_notes == "vip"


def test_during_the_stay_the_rest_is_fixed_and_named() -> None:
    command = an_update(BUSINESS, 2, party_size=3, guest_name="Grace", duration_minutes=180)
    ended = update(a_booking(Status.CHECKED_IN), command)
    assert ended.code is Code.NOT_MODIFIABLE
    assert [error.field for error in ended.refusal.errors] == ["data.guest_name", "data.party_size"]


def test_sending_what_stands_already_changes_nothing_of_the_fixed() -> None:
    command = an_update(BUSINESS, 2, party_size=2, duration_minutes=180)
    assert update(a_booking(Status.CHECKED_IN), command).accepted.booking.slot.minutes == 180


def test_during_the_stay_a_guest_changes_nothing() -> None:
    assert update(a_booking(Status.CHECKED_IN), duration_minutes=180).code is Code.NOT_MODIFIABLE


def test_a_guest_is_too_late_once_it_has_started_but_the_venue_is_not() -> None:
    started = at(TOMORROW)
    by_venue = an_update(BUSINESS, 2, duration_minutes=180)
    assert update(CONFIRMED, duration_minutes=90, moment=started).code is Code.TOO_LATE
    assert update(CONFIRMED, by_venue, moment=started).accepted.booking.slot.minutes == 180


def test_a_pending_booking_past_its_expiry_cannot_be_changed() -> None:
    lapsed = at(NOW + timedelta(minutes=10))
    assert update(PENDING, party_size=3, moment=lapsed).code is Code.TOO_LATE


def test_another_version_is_a_conflict_before_anything_else() -> None:
    ended = update(a_booking(Status.CANCELLED), an_update(GUEST, 1, party_size=3))
    assert ended.code is Code.VERSION_CONFLICT


@pytest.mark.parametrize("booking", [None, PENDING])
def test_what_is_not_there_or_not_yours_is_not_found(booking: Booking | None) -> None:
    ended = update(booking, an_update(SOMEBODY_ELSE, 1, party_size=3))
    assert ended.code is Code.BOOKING_NOT_FOUND


def test_a_paid_booking_stays_paid_when_only_the_time_moves() -> None:
    ended = update(CONFIRMED, booking_time=LATER)
    assert ended.accepted.booking.payment == paid()
    assert ended.all(RefundPayment) == []


def test_a_lost_reserve_of_an_update_is_owed_since_others_may_share_its_reference() -> None:
    ended = update(CONFIRMED, item="table-5", script={ReserveInventory: INVENTORY_LOST})
    (undo,) = ended.rejected.owed
    assert ended.code is Code.INVENTORY_UNAVAILABLE
    assert ended.all(ReleaseInventory) == []
    assert isinstance(undo.owed, ReleaseOwed)
    assert undo.owed.reserve == ended.one(ReserveInventory)
