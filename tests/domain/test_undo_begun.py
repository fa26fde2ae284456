"""What would give back all that a command may have begun."""

from __future__ import annotations

import pytest

from domain.booking import PaymentStatus
from domain.effects import (
    ChangingCall,
    ConfirmIntent,
    CreateIntent,
    Declined,
    Full,
    NothingHeld,
    PartnerAnswer,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)
from domain.undo import Owed, RefundMade, RefundOwed, ReleaseOwed, RestoreReservation, give_back_key
from domain.workflows.create_booking import create_booking
from domain.workflows.undo_begun import undo_begun
from tests.builders import BOOKING_ID, GUEST_ID, TOMORROW, VENUE_ID, a_create, at, eur, rules
from tests.domain.given import (
    INVENTORY_AWAY,
    INVENTORY_LOST,
    PAYMENT_AWAY,
    PAYMENT_LOST,
    an_intent,
    given,
)

RESERVE = given(create_booking(a_create(), at(), rules())).ends().one(ReserveInventory)
RELEASE = ReleaseInventory(give_back_key(RESERVE.key), None, RESERVE.booking_reference)
CREATE = CreateIntent("intent", BOOKING_ID, "BR-1", eur(110), GUEST_ID, None)
CONFIRM = ConfirmIntent("confirm", "pi_1", BOOKING_ID)
UPDATE = UpdateReservation("update", "res_1", TOMORROW, 2, 120)
FREE = ReleaseInventory("release", "res_1", "BR-1")
REFUND = RefundPayment("refund", "pi_1", BOOKING_ID, eur(110), "booking cancelled")

CHARGED = an_intent(PaymentStatus.SUCCEEDED)


def owed(*begun: tuple[ChangingCall, PartnerAnswer | None]) -> list[Owed]:
    return [undo.owed for undo in undo_begun(begun, BOOKING_ID, VENUE_ID)]


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (RESERVE, Full(None)),
        (RESERVE, INVENTORY_AWAY),
        (CREATE, Declined(None)),
        (CREATE, an_intent()),
        (CREATE, PAYMENT_AWAY),
        (CONFIRM, Declined(None)),
        (CONFIRM, an_intent(PaymentStatus.FAILED)),
        (UPDATE, Full(None)),
    ],
)
def test_what_surely_left_nothing_owes_nothing(call: ChangingCall, answer: PartnerAnswer) -> None:
    assert owed((call, answer)) == []


def test_a_known_reservation_is_released_by_its_id() -> None:
    answer = Reservation("res_9", None, None)
    assert owed((RESERVE, answer)) == [ReleaseOwed(RELEASE.key, RESERVE.booking_reference, "res_9")]


@pytest.mark.parametrize("answer", [None, INVENTORY_LOST])
def test_an_unheard_reservation_is_asked_for_again(answer: PartnerAnswer | None) -> None:
    assert owed((RESERVE, answer)) == [
        ReleaseOwed(RELEASE.key, RESERVE.booking_reference, None, reserve=RESERVE)
    ]


def test_what_the_command_gave_back_itself_is_not_owed() -> None:
    assert owed((RESERVE, INVENTORY_LOST), (RELEASE, Released())) == []


@pytest.mark.parametrize("answer", [None, INVENTORY_LOST, NothingHeld()])
def test_what_it_tried_to_give_back_in_vain_is_owed_once(answer: PartnerAnswer | None) -> None:
    assert len(owed((RESERVE, INVENTORY_LOST), (RELEASE, answer))) == 1


@pytest.mark.parametrize("answer", [None, PAYMENT_LOST])
def test_an_unheard_intent_is_made_again_to_learn_its_id(answer: PartnerAnswer | None) -> None:
    (one,) = owed((CREATE, answer))
    assert isinstance(one, RefundOwed)
    assert (one.intent_id, one.create) == (None, CREATE)


def test_an_intent_charged_at_once_is_refunded() -> None:
    (one,) = owed((CREATE, CHARGED))
    assert isinstance(one, RefundOwed)
    assert (one.intent_id, one.create) == ("pi_1", None)


@pytest.mark.parametrize("answer", [None, PAYMENT_LOST, CHARGED])
def test_whatever_a_confirmation_charged_is_refunded(answer: PartnerAnswer | None) -> None:
    (one,) = owed((CONFIRM, answer))
    assert isinstance(one, RefundOwed)
    assert (one.intent_id, one.amount) == ("pi_1", None)


@pytest.mark.parametrize("answer", [None, INVENTORY_LOST, ReservationUpdated("res_1")])
def test_an_updated_reservation_is_restored(answer: PartnerAnswer | None) -> None:
    assert owed((UPDATE, answer)) == [RestoreReservation(give_back_key("update"), "res_1")]


def test_a_release_and_a_refund_are_owed_as_they_are_under_their_own_keys() -> None:
    assert owed((FREE, None), (REFUND, PAYMENT_LOST)) == [
        ReleaseOwed("release", "BR-1", "res_1"),
        RefundOwed("refund", "pi_1", eur(110), "booking cancelled"),
    ]


def test_a_refund_that_was_heard_of_is_to_be_recorded() -> None:
    (one,) = owed((REFUND, Refunded("re_1", eur(110))))
    assert isinstance(one, RefundMade)
    assert (one.intent_id, one.amount) == ("pi_1", eur(110))


@pytest.mark.parametrize("answer", [Released(), NothingHeld()])
def test_a_hold_that_was_given_up_by_a_command_that_died_is_looked_after(
    answer: PartnerAnswer,
) -> None:
    assert owed((FREE, answer)) == [RestoreReservation(give_back_key("release"), "res_1")]


def test_the_rows_have_the_same_ids_every_time() -> None:
    begun: list[tuple[ChangingCall, PartnerAnswer | None]] = [(RESERVE, None), (CREATE, None)]
    first = undo_begun(begun, BOOKING_ID, VENUE_ID)
    assert first == undo_begun(begun, BOOKING_ID, VENUE_ID)
    assert len({undo.id for undo in first}) == 2
