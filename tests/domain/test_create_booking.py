"""Creating a booking: each reason for a no, what is given back, how an accepted one looks."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.booking import PaymentStatus, Source, VenueType
from domain.commands import CreateBooking, Moment
from domain.effects import (
    Capacity,
    CheckCapacity,
    ClaimSlot,
    CreateIntent,
    Declined,
    Full,
    GetQuote,
    NothingHeld,
    ReleaseInventory,
    Reservation,
    ReserveInventory,
    SlotTaken,
)
from domain.lifecycle import Status
from domain.outcome import Claims, EventType, Happened, StatusChange
from domain.refusal import Code
from domain.rules import ConflictScope, Fallback, Rules
from domain.undo import RefundOwed, ReleaseOwed
from domain.workflow import Workflow
from domain.workflows.create_booking import create_booking
from tests.builders import GUEST, NOW, a_create, a_quote, a_slot, a_venue, at, eur, rules
from tests.domain.given import (
    INVENTORY_AWAY,
    INVENTORY_LOST,
    PAYMENT_AWAY,
    PAYMENT_LOST,
    PRICING_AWAY,
    an_intent,
    given,
)

TAKEN = SlotTaken(())


def create(
    command: CreateBooking | None = None, moment: Moment | None = None, house: Rules | None = None
) -> Workflow:
    return create_booking(command or a_create(), moment or at(), house or rules())


def test_a_free_slot_becomes_a_pending_booking_with_an_open_payment() -> None:
    ended = given(create()).ends()
    booking = ended.accepted.booking
    assert (booking.status, booking.version) == (Status.PENDING, 1)
    assert booking.payment.status is PaymentStatus.REQUIRES_PAYMENT
    assert (booking.payment.intent_id, ended.accepted.client_secret) == ("pi_1", "secret")
    assert booking.hold.item == "table-4"
    assert ended.accepted.events == (
        Happened(EventType.CREATED, GUEST.label, to_status=Status.PENDING),
    )
    assert ended.accepted.history == StatusChange(None, Status.PENDING, GUEST.label, None)


def test_inventory_picks_the_item_and_the_claim_follows_on_what_it_gave() -> None:
    ended = given(create()).ends()
    assert ended.kinds == [CheckCapacity, GetQuote, ReserveInventory, ClaimSlot, CreateIntent]
    assert ended.one(ClaimSlot).item == "table-4"


def test_a_chosen_item_is_claimed_before_any_call() -> None:
    ended = given(create(a_create(item="table-4"))).ends()
    assert ended.kinds == [ClaimSlot, CheckCapacity, GetQuote, ReserveInventory, CreateIntent]
    assert ended.accepted.claims is Claims.KEEP


def test_the_claim_moves_to_the_item_that_inventory_gave_instead() -> None:
    ended = given(create(a_create(item="table-9"))).ends()
    assert [claim.item for claim in ended.all(ClaimSlot)] == ["table-9", "table-4"]
    assert ended.accepted.claims is Claims.REPLACE
    assert ended.accepted.booking.hold.item == "table-4"


def test_without_any_item_the_whole_venue_is_claimed() -> None:
    reservation = Reservation("res_1", None, None)
    ended = given(create()).answers({ReserveInventory: reservation})
    assert ended.one(ClaimSlot).item is None


def test_where_inventory_alone_decides_nothing_is_claimed() -> None:
    pooled = rules(conflict_scope={VenueType.RESTAURANT: ConflictScope.INVENTORY})
    ended = given(create(a_create(item="table-4"), house=pooled)).ends()
    assert ended.all(ClaimSlot) == []


@pytest.mark.parametrize(
    ("starts_in", "source", "code"),
    [
        (timedelta(minutes=-1), Source.WEB, Code.BOOKING_IN_PAST),
        (timedelta(minutes=29), Source.WEB, Code.TOO_SOON),
        (timedelta(minutes=-1), Source.PHONE, Code.BOOKING_IN_PAST),
        (timedelta(minutes=-15), Source.WALK_IN, Code.BOOKING_IN_PAST),
        (timedelta(days=365, minutes=1), Source.WEB, Code.TOO_FAR_AHEAD),
    ],
)
def test_a_start_out_of_bounds_is_refused_before_anybody_is_asked(
    starts_in: timedelta, source: Source, code: Code
) -> None:
    ended = given(create(a_create(slot=a_slot(NOW + starts_in), source=source))).ends()
    assert (ended.code, ended.asked) == (code, [])


@pytest.mark.parametrize(
    ("starts_in", "source"),
    [
        (timedelta(minutes=30), Source.WEB),
        (timedelta(minutes=1), Source.PHONE),
        (timedelta(minutes=-14), Source.WALK_IN),
        (timedelta(days=365), Source.WEB),
    ],
)
def test_a_start_within_bounds_is_taken(starts_in: timedelta, source: Source) -> None:
    ended = given(create(a_create(slot=a_slot(NOW + starts_in), source=source))).ends()
    assert ended.accepted.booking.status is Status.PENDING


def test_lead_time_counts_from_when_it_was_sent_and_not_from_our_backlog() -> None:
    in_half_an_hour = a_create(slot=a_slot(NOW + timedelta(minutes=30)))
    late = at(NOW, decided=NOW + timedelta(minutes=20))
    assert given(create(in_half_an_hour, late)).ends().accepted.booking.version == 1


def test_a_start_that_passed_in_the_backlog_is_in_the_past() -> None:
    in_half_an_hour = a_create(slot=a_slot(NOW + timedelta(minutes=30)))
    too_late = at(NOW, decided=NOW + timedelta(minutes=31))
    assert given(create(in_half_an_hour, too_late)).ends().code is Code.BOOKING_IN_PAST


def test_a_chosen_item_held_by_another_booking_ends_it_before_any_call() -> None:
    ended = given(create(a_create(item="table-4"))).answers({ClaimSlot: TAKEN})
    assert (ended.code, ended.kinds) == (Code.SLOT_UNAVAILABLE, [ClaimSlot])


def test_inventory_saying_no_is_no_capacity() -> None:
    ended = given(create()).answers({CheckCapacity: Capacity(False, None, "full")})
    assert ended.code is Code.NO_CAPACITY
    assert ended.refusal.extras == {"reason": "full"}


def test_inventory_away_is_retryable() -> None:
    ended = given(create()).answers({CheckCapacity: INVENTORY_AWAY})
    assert ended.code is Code.INVENTORY_UNAVAILABLE
    assert ended.code.retryable


def test_inventory_counts_before_pricing_when_both_are_away() -> None:
    ended = given(create()).answers({CheckCapacity: INVENTORY_AWAY, GetQuote: PRICING_AWAY})
    assert ended.code is Code.INVENTORY_UNAVAILABLE


def test_the_fallback_price_is_per_person_and_marked() -> None:
    ended = given(create(a_create(party_size=3))).answers({GetQuote: PRICING_AWAY})
    price = ended.accepted.booking.price
    assert (price.total, price.is_fallback) == (eur(75), True)


@pytest.mark.parametrize(
    "fallback",
    [
        Fallback(per_person={}),
        Fallback(per_person={VenueType.HOTEL: Decimal(25)}),
        Fallback(is_allowed=False, per_person={VenueType.RESTAURANT: Decimal(25)}),
    ],
)
def test_without_a_fallback_for_the_venue_type_pricing_away_refuses(fallback: Fallback) -> None:
    ended = given(create(house=rules(fallback=fallback))).answers({GetQuote: PRICING_AWAY})
    assert ended.code is Code.PRICING_UNAVAILABLE
    assert ended.all(ReserveInventory) == []


def test_a_full_reserve_is_no_capacity_and_owes_nothing() -> None:
    ended = given(create()).answers({ReserveInventory: Full("full")})
    assert (ended.code, ended.rejected.owed) == (Code.NO_CAPACITY, ())
    assert ended.all(ReleaseInventory) == []


def test_a_reserve_that_surely_did_not_happen_owes_nothing() -> None:
    ended = given(create()).answers({ReserveInventory: INVENTORY_AWAY})
    assert (ended.code, ended.rejected.owed) == (Code.INVENTORY_UNAVAILABLE, ())
    assert ended.all(ReleaseInventory) == []


def test_a_lost_reserve_is_released_by_reference() -> None:
    ended = given(create()).answers({ReserveInventory: INVENTORY_LOST})
    release = ended.one(ReleaseInventory)
    assert (release.reservation_id, release.booking_reference) == (None, "BR-20260602-ABCDEFGH")
    assert ended.rejected.owed == ()


def test_a_404_after_a_lost_reserve_proves_nothing() -> None:
    ended = given(create()).answers(
        {ReserveInventory: INVENTORY_LOST, ReleaseInventory: NothingHeld()}
    )
    (undo,) = ended.rejected.owed
    assert isinstance(undo.owed, ReleaseOwed)
    assert undo.owed.reserve == ended.one(ReserveInventory)


def test_a_lost_claim_releases_what_was_reserved() -> None:
    ended = given(create()).answers({ClaimSlot: TAKEN})
    assert (ended.code, ended.rejected.owed) == (Code.SLOT_UNAVAILABLE, ())
    assert ended.one(ReleaseInventory).reservation_id == "res_1"


def test_a_release_that_fails_is_owed() -> None:
    ended = given(create()).answers({ClaimSlot: TAKEN, ReleaseInventory: INVENTORY_AWAY})
    (undo,) = ended.rejected.owed
    release = ended.one(ReleaseInventory)
    assert undo.owed == ReleaseOwed(release.key, release.booking_reference, "res_1")


def test_a_zero_total_needs_no_intent() -> None:
    ended = given(create()).answers({GetQuote: a_quote(0)})
    assert ended.accepted.booking.payment.status is PaymentStatus.NOT_REQUIRED
    assert ended.all(CreateIntent) == []


@pytest.mark.parametrize("answer", [Declined(None), an_intent(PaymentStatus.FAILED)])
def test_a_declined_payment_releases_the_hold(answer: object) -> None:
    ended = given(create()).answers({CreateIntent: answer})
    assert (ended.code, ended.rejected.owed) == (Code.PAYMENT_DECLINED, ())
    assert ended.one(ReleaseInventory).reservation_id == "res_1"


def test_payment_away_releases_the_hold_and_owes_nothing() -> None:
    ended = given(create()).answers({CreateIntent: PAYMENT_AWAY})
    assert (ended.code, ended.rejected.owed) == (Code.PAYMENT_FAILED, ())
    assert ended.one(ReleaseInventory).reservation_id == "res_1"


def test_an_intent_that_may_have_been_made_is_owed() -> None:
    ended = given(create()).answers({CreateIntent: PAYMENT_LOST})
    (undo,) = ended.rejected.owed
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.create == ended.one(CreateIntent)


def test_an_intent_in_another_currency_is_no_usable_answer() -> None:
    charged = an_intent(PaymentStatus.SUCCEEDED, amount=a_quote(110, "USD").total)
    ended = given(create()).answers({CreateIntent: charged})
    (undo,) = ended.rejected.owed
    assert ended.code is Code.PAYMENT_FAILED
    assert isinstance(undo.owed, RefundOwed)
    assert undo.owed.intent_id == "pi_1"


def test_a_payment_that_succeeds_at_once_is_kept_while_the_booking_stays_pending() -> None:
    ended = given(create()).answers({CreateIntent: an_intent(PaymentStatus.SUCCEEDED)})
    booking = ended.accepted.booking
    assert (booking.status, booking.payment.paid) == (Status.PENDING, eur(110))


@pytest.mark.parametrize(
    ("reserved_for", "quoted_for", "expected"),
    [(None, None, 15), (5, None, 5), (None, 6, 6), (9, 7, 7), (60, 60, 15)],
)
def test_it_is_held_until_the_first_promise_ends(
    reserved_for: int | None, quoted_for: int | None, expected: int
) -> None:
    moment = at()

    def minutes(n: int | None) -> datetime | None:
        return None if n is None else moment.decided + timedelta(minutes=n)

    ended = given(create(moment=moment)).answers(
        {
            ReserveInventory: Reservation("res_1", "table-4", minutes(reserved_for)),
            GetQuote: a_quote(valid_until=minutes(quoted_for)),
        }
    )
    assert ended.accepted.booking.expires_at == minutes(expected)


def test_the_same_command_gives_every_call_the_same_key_again() -> None:
    first, again = given(create()).ends(), given(create()).ends()
    assert first.asked == again.asked


def test_a_retail_day_is_claimed_like_a_table() -> None:
    ended = given(create(a_create(venue=a_venue(type=VenueType.RETAIL)))).ends()
    assert ended.one(ClaimSlot).item == "table-4"
