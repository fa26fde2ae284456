"""What goes wrong with a partner: always a value, never an exception, never two effects."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from app.demo.partners.faults import Kind
from domain.effects import (
    Capacity,
    GetQuote,
    Intent,
    PartnerCall,
    PartnerUnavailable,
    Quote,
    Reservation,
)
from tests.adapters.partners.conftest import CHECK, ESTIMATE, INTENT, QUOTE, RESERVE, Town, a_find


def effects(town: Town) -> list[bool]:
    return [call["effect"] for call in town.ledger()]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.ERROR, {"status": 502}),
        (Kind.ERROR, {"status": 503}),
        (Kind.ERROR, {"status": 504}),
        (Kind.ERROR, {"status": 429}),
        (Kind.CUT_BEFORE_EFFECT, {}),
    ],
)
async def test_a_passing_fault_is_tried_again_with_the_same_key(
    town: Town, kind: Kind, fields: dict[str, Any]
) -> None:
    town.order(kind, times=2, **fields)
    assert isinstance(await town.ask(RESERVE), Reservation)
    assert [call["key"] for call in town.ledger()] == [RESERVE.key] * 3
    assert effects(town) == [False, False, True]


@pytest.mark.parametrize("kind", [Kind.ERROR_AFTER_EFFECT, Kind.CUT_AFTER_EFFECT])
async def test_an_effect_whose_answer_was_lost_is_not_repeated(town: Town, kind: Kind) -> None:
    town.order(kind, times=2)
    held = await town.ask(RESERVE)
    assert isinstance(held, Reservation)
    assert effects(town) == [True, False, False]
    state = town.stand_ins.inventory.service.state()
    assert [hold["reservation_id"] for hold in state["reservations"]] == [held.reservation_id]


async def test_a_timeout_is_tried_again_and_one_effect_stands(town: Town) -> None:
    await town.open(timeout_seconds=0.1)
    town.order(Kind.LATENCY, seconds=0.15)
    assert isinstance(await town.ask(RESERVE), Reservation)
    assert len(town.stand_ins.inventory.service.state()["reservations"]) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "may_have_happened"),
    [
        (Kind.ERROR, {"status": 503}, True),
        (Kind.CUT_BEFORE_EFFECT, {}, True),
        (Kind.ERROR, {"status": 429}, False),
    ],
)
async def test_a_lasting_fault_ends_after_three_attempts(
    town: Town, kind: Kind, fields: dict[str, Any], may_have_happened: bool
) -> None:
    town.order(kind, times=None, **fields)
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.may_have_happened is may_have_happened
    assert len(town.ledger()) == 3


@pytest.mark.parametrize(
    ("status", "may_have_happened"),
    [(400, False), (401, False), (403, False), (422, True), (500, True), (307, True), (301, True)],
)
async def test_other_statuses_are_not_tried_again(
    town: Town, status: int, may_have_happened: bool
) -> None:
    elsewhere = {"location": town.stand_ins.inventory_url + "/api/v1/inventory/release"}
    town.order(Kind.ERROR, times=None, status=status, headers=elsewhere)
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.may_have_happened is may_have_happened
    assert [call["call"] for call in town.ledger()] == ["reserve"]  # a redirect is not followed


async def test_an_earlier_attempt_that_may_have_worked_is_not_forgotten(town: Town) -> None:
    town.order(Kind.ERROR, status=503)
    town.order(Kind.ERROR, status=401)
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.detail == "status 401"
    assert answer.may_have_happened


async def test_a_no_after_an_attempt_that_was_not_heard_proves_nothing(town: Town) -> None:
    """Its 409 may be about the first attempt, which it still works on."""
    town.order(Kind.CUT_BEFORE_EFFECT)
    town.order(Kind.ERROR, status=409)
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.may_have_happened


async def test_a_partner_that_cannot_be_reached_surely_did_nothing(town: Town) -> None:
    await town.open(urls=("http://127.0.0.1:1",))
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert not answer.may_have_happened


async def test_a_slow_drip_is_cut_at_the_deadline(town: Town) -> None:
    await town.open(timeout_seconds=0.2, attempts=1)
    town.order(Kind.SLOW_DRIP, seconds=0.02)  # a byte each 20 ms never trips a timeout per read
    begun = time.monotonic()
    answer = await town.ask(RESERVE)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.may_have_happened
    assert time.monotonic() - begun < 1


async def test_retry_after_is_honoured(town: Town) -> None:
    town.order(Kind.ERROR, status=429, headers={"retry-after": "1"})
    begun = time.monotonic()
    assert isinstance(await town.ask(CHECK), Capacity)
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("strange", ["später", f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT"])
async def test_a_retry_after_that_says_nothing_is_as_none(town: Town, strange: str) -> None:
    town.order(Kind.ERROR, status=429, headers={"retry-after": strange})
    assert isinstance(await town.ask(CHECK), Capacity)
    assert len(town.ledger()) == 2


async def test_a_retry_after_beyond_the_deadline_ends_the_call(town: Town) -> None:
    town.order(Kind.ERROR, status=503, headers={"retry-after": "6"})
    begun = time.monotonic()
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert time.monotonic() - begun < 1
    assert len(town.ledger()) == 1


async def test_a_call_given_up_by_us_leaves_the_client_usable(town: Town) -> None:
    town.order(Kind.LATENCY, seconds=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await town.ask(CHECK)
    assert isinstance(await town.ask(CHECK), Capacity)


SPOILT: list[tuple[PartnerCall, str]] = [
    *((CHECK, garbage) for garbage in ("wrong_json", "not_an_object", "not_utf8", "empty")),
    *((CHECK, garbage) for garbage in ("too_deep", "missing_field", "wrong_type", "huge_body")),
    *((RESERVE, garbage) for garbage in ("missing_field", "wrong_type", "huge_body")),
    *((QUOTE, garbage) for garbage in ("missing_field", "wrong_type", "nan_price", "empty")),
    *((QUOTE, garbage) for garbage in ("infinite_price", "negative_price", "absurd_price")),
    *((QUOTE, garbage) for garbage in ("price_with_too_many_digits", "price_as_word")),
    *((QUOTE, garbage) for garbage in ("unknown_currency", "too_deep", "huge_body")),
    *((ESTIMATE, garbage) for garbage in ("nan_price", "negative_price", "unknown_currency")),
    *((INTENT, garbage) for garbage in ("missing_field", "wrong_type", "not_an_object")),
]


@pytest.mark.parametrize(("call", "garbage"), SPOILT)
async def test_garbage_is_a_failure_of_the_partner(
    town: Town, call: PartnerCall, garbage: str
) -> None:
    town.order(Kind.GARBAGE, garbage=garbage)
    answer = await town.ask(call)
    assert isinstance(answer, PartnerUnavailable)
    assert answer.may_have_happened
    assert answer.detail.startswith("unusable answer")
    assert len(town.ledger()) == 1


@pytest.mark.parametrize("garbage", ["missing_field", "nan_price", "negative_price"])
async def test_garbage_about_an_intent_is_a_failure_too(town: Town, garbage: str) -> None:
    made = await town.ask(INTENT)
    assert isinstance(made, Intent)
    town.order(Kind.GARBAGE, garbage=garbage)
    assert isinstance(await town.ask(a_find(made.intent_id)), PartnerUnavailable)


async def test_another_currency_than_before_is_seen_by_whoever_knows_the_one_before(
    town: Town,
) -> None:
    town.order(Kind.GARBAGE, garbage="other_currency")
    quote = await town.ask(QUOTE)
    assert isinstance(quote, Quote)
    assert quote.total.currency == "USD"


async def test_ten_failed_calls_in_a_row_open_the_breaker_and_a_trial_closes_it(town: Town) -> None:
    await town.open(attempts=1)
    town.order(Kind.ERROR, times=None)
    for n in range(10):
        await town.ask(replace(CHECK, key=str(n)))
    assert len(town.ledger()) == 10

    left_alone = await town.ask(RESERVE)
    assert isinstance(left_alone, PartnerUnavailable)
    assert (left_alone.detail, left_alone.may_have_happened) == ("circuit breaker open", False)
    assert len(town.ledger()) == 10

    town.clock.now = 10.0  # a trial, and it fails: ten seconds more
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert len(town.ledger()) == 11

    town.stand_ins.inventory.faults.clear()
    town.clock.now = 20.0
    assert isinstance(await town.ask(CHECK), Capacity)
    assert isinstance(await town.ask(CHECK), Capacity)


async def test_a_trial_is_one_attempt(town: Town) -> None:
    await town.open(breaker_failures=1)
    town.order(Kind.ERROR, times=None)
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert len(town.ledger()) == 3
    town.clock.now = 10.0
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert len(town.ledger()) == 4


async def test_one_partners_breaker_does_not_touch_another(town: Town) -> None:
    await town.open(attempts=1, breaker_failures=1)
    town.order(Kind.ERROR)
    town.stand_ins.pricing.faults.clear()
    await town.ask(CHECK)
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert isinstance(await town.ask(QUOTE), Quote)


async def test_refusals_are_no_failures_for_the_breaker(town: Town) -> None:
    await town.open(breaker_failures=1)
    town.order(Kind.ERROR, status=401)
    assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert isinstance(await town.ask(CHECK), Capacity)


async def test_a_bug_raises(town: Town) -> None:
    with pytest.raises(KeyError):
        await town.ask("no call at all")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await town.ask(GetQuote("k", *[object()] * 6))  # type: ignore[arg-type]
