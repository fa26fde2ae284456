"""Each call of the contract against an honest partner."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.booking import PaymentStatus
from domain.effects import (
    Capacity,
    Declined,
    Estimate,
    Full,
    Intent,
    NothingHeld,
    PartnerUnavailable,
    Quote,
    Refunded,
    Released,
    Reservation,
    ReservationUpdated,
)
from domain.money import Money
from tests.adapters.partners.conftest import (
    CHECK,
    ESTIMATE,
    INTENT,
    PRICE,
    QUOTE,
    RELEASE,
    RESERVE,
    TRACEPARENT,
    VENUE,
    Town,
    a_confirm,
    a_find,
    a_refund,
    an_update,
)


async def test_a_venue_without_items_is_held_as_a_whole(town: Town) -> None:
    assert await town.ask(CHECK) == Capacity(available=True, item=None, reason=None)
    held = await town.ask(RESERVE)
    assert isinstance(held, Reservation)
    assert (held.item, held.expires_at) == (None, None)
    assert await town.ask(an_update(held.reservation_id)) == ReservationUpdated(held.reservation_id)
    assert await town.ask(RELEASE) == Released()


async def test_inventory_may_pick_the_item_and_say_until_when_it_is_held(town: Town) -> None:
    venue = {"items": ["T1"], "hold_seconds": 600}
    town.stand_ins.inventory.service.configure(f"/_venues/{VENUE}", venue)
    held = await town.ask(RESERVE)
    assert isinstance(held, Reservation)
    assert held.item == "T1"
    assert held.expires_at is not None
    assert held.expires_at.utcoffset() is not None


async def test_full_is_an_answer(town: Town) -> None:
    town.stand_ins.inventory.service.configure(f"/_venues/{VENUE}", {"units": 1})
    held = await town.ask(RESERVE)
    assert isinstance(held, Reservation)
    assert await town.ask(replace(RESERVE, key="other")) == Full("nothing is free at that time")
    assert await town.ask(CHECK) == Capacity(available=False, item=None, reason="full")
    town.stand_ins.inventory.service.configure(f"/_venues/{VENUE}", {"max_party_size": 3})
    assert await town.ask(an_update(held.reservation_id)) == Full("at most 3")


async def test_nothing_held_is_an_answer(town: Town) -> None:
    assert await town.ask(RELEASE) == NothingHeld()


async def test_an_update_of_nothing_is_no_answer_and_surely_did_nothing(town: Town) -> None:
    answer = await town.ask(an_update("res_unknown"))
    assert isinstance(answer, PartnerUnavailable)
    assert not answer.may_have_happened


async def test_prices_come_exact_in_strings(town: Town) -> None:
    quote = await town.ask(QUOTE)
    assert isinstance(quote, Quote)
    told = [amount.text() for amount in (quote.base, quote.tax, quote.discount, quote.total)]
    assert told == ["100.00", "10.00", "0.00", "110.00"]
    assert quote.decision_reference is not None
    assert await town.ask(ESTIMATE) == Estimate(PRICE)


@pytest.mark.parametrize(
    ("currency", "per_person", "total"),
    [("EUR", "25.10", "110.44"), ("JPY", "1500", "6600"), ("KWD", "7.125", "31.350")],
)
async def test_prices_come_exact_in_numbers_too(
    town: Town, currency: str, per_person: str, total: str
) -> None:
    town.stand_ins.pricing.service.configure(
        f"/_venues/{VENUE}",
        {"currency": currency, "per_person": per_person, "as_numbers": True, "valid_seconds": 60},
    )
    quote = await town.ask(QUOTE)
    assert isinstance(quote, Quote)
    assert (quote.total.text(), quote.total.currency) == (total, currency)
    assert quote.valid_until is not None


async def test_an_intent_is_made_confirmed_found_and_refunded(town: Town) -> None:
    made = await town.ask(INTENT)
    assert isinstance(made, Intent)
    assert made.status is PaymentStatus.REQUIRES_PAYMENT
    assert made.client_secret is not None
    paid = await town.ask(a_confirm(made.intent_id))
    assert paid == Intent(made.intent_id, PaymentStatus.SUCCEEDED)
    found = await town.ask(a_find(made.intent_id))
    assert found == Intent(made.intent_id, PaymentStatus.SUCCEEDED, PRICE)
    refunded = await town.ask(a_refund(made.intent_id, "60.00"))
    assert isinstance(refunded, Refunded)
    assert refunded.amount == Money(Decimal(60), "EUR")


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("pm_processing", PaymentStatus.PROCESSING),
        ("pm_requires_action", PaymentStatus.REQUIRES_PAYMENT),
    ],
)
async def test_only_succeeded_is_paid(town: Town, method: str, status: PaymentStatus) -> None:
    made = await town.ask(replace(INTENT, payment_method_id=method))
    assert isinstance(made, Intent)
    assert await town.ask(a_confirm(made.intent_id)) == Intent(made.intent_id, status)


async def test_declined_is_an_answer(town: Town) -> None:
    made = await town.ask(replace(INTENT, payment_method_id="pm_declined"))
    assert isinstance(made, Intent)
    assert await town.ask(a_confirm(made.intent_id)) == Declined("the card was declined")
    found = await town.ask(a_find(made.intent_id))
    assert found == Intent(made.intent_id, PaymentStatus.FAILED, PRICE)


async def test_a_refund_of_what_was_not_paid_is_no_answer(town: Town) -> None:
    made = await town.ask(INTENT)
    assert isinstance(made, Intent)
    assert isinstance(await town.ask(a_refund(made.intent_id)), PartnerUnavailable)


async def test_an_id_cannot_lead_a_call_to_another_path(town: Town) -> None:
    answer = await town.ask(a_find("../refunds?x=/#"))
    assert isinstance(answer, PartnerUnavailable)
    assert [call["call"] for call in town.ledger()] == ["find-intent"]


async def test_each_call_carries_its_key_its_trace_and_no_empty_fields(town: Town) -> None:
    await town.ask(RESERVE)
    (call,) = town.ledger()
    assert (call["key"], call["traceparent"]) == (RESERVE.key, TRACEPARENT)
    assert call["body"] == {
        "venue_id": str(VENUE),
        "venue_type": "restaurant",
        "booking_time": "2027-03-01T18:00:00Z",
        "party_size": 4,
        "booking_reference": RESERVE.booking_reference,
        "booking_id": str(RESERVE.booking_id),
        "duration_minutes": 120,
    }
