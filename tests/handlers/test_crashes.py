"""The process dies at every call and every commit: what comes out is what would have come out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from domain.effects import (
    Capacity,
    ConfirmIntent,
    CreateIntent,
    Declined,
    PartnerCall,
    Quote,
    RefundPayment,
    ReleaseInventory,
    ReserveInventory,
)
from schemas.stored import answer_from_json, call_from_json
from tests.handlers.invariants import (
    assert_every_end_is_audited_once,
    assert_nothing_is_held_for_nobody,
    assert_sound,
)
from tests.handlers.world import Crash, World

Scenario = Callable[[World], Awaitable[None]]


async def a_create(world: World) -> None:
    world.create(key="k")


async def a_create_that_is_given_back(world: World) -> None:
    world.partners.answers(CreateIntent, Declined("no funds"), times=100)
    world.create(key="k", inventory_item_id="table-1")


async def a_create_whose_reserve_is_lost(world: World) -> None:
    world.partners.is_away_for(ReserveInventory, times=100, lands=True)
    world.create(key="k")


async def two_creates_for_one_slot(world: World) -> None:
    world.partners.items = None
    world.create()
    world.create(hour=1)


async def an_update_that_moves_it(world: World) -> None:
    booking = await world.booked(inventory_item_id="table-1")
    world.update(booking, booking_time="2026-06-02T13:00:00+00:00", party_size=3)


async def an_update_to_another_item(world: World) -> None:
    booking = await world.booked(inventory_item_id="table-1")
    world.update(booking, inventory_item_id="table-2")


async def an_update_that_makes_it_cheaper(world: World) -> None:
    booking = await _confirmed(world)
    world.update(booking, party_size=1)


async def a_confirmation(world: World) -> None:
    world.move(await world.booked(), "confirmed")


async def a_cancellation_with_refund(world: World) -> None:
    world.cancel(await _confirmed(world))


async def an_expiry(world: World) -> None:
    await world.booked()
    world.later(minutes=16)
    assert await world.sweep() == 1


async def an_expiry_of_what_was_paid(world: World) -> None:
    booking = await world.booked()
    world.partners.is_away_for(ConfirmIntent, lands=True)
    world.move(booking, "confirmed")
    world.partners.is_away_for(RefundPayment, times=100)
    await world.settle()
    world.later(minutes=16)
    await world.sweep()


async def a_batch_of_everything(world: World) -> None:
    booking = await _confirmed(world)
    other = await world.booked(hour=9)
    world.cancel(booking)
    world.create()
    world.create(key="k", hour=20)
    world.update(other, party_size=1)
    world.create(key="k", hour=20)
    world.create(partition=1, hour=4)


async def _confirmed(world: World) -> dict[str, Any]:
    booking = await world.booked()
    asked = world.move(booking, "confirmed")
    await world.settle()
    return world.reply_to(asked).booking


SCENARIOS = [
    a_create,
    a_create_that_is_given_back,
    a_create_whose_reserve_is_lost,
    two_creates_for_one_slot,
    an_update_that_moves_it,
    an_update_to_another_item,
    an_update_that_makes_it_cheaper,
    a_confirmation,
    a_cancellation_with_refund,
    an_expiry,
    an_expiry_of_what_was_paid,
    a_batch_of_everything,
]
scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)


async def _prepared(scenario: Scenario) -> World:
    world = World()
    await scenario(world)
    world.points.seen.clear()
    return world


def _what_came_of_it(world: World) -> dict[str, Any]:
    tables = world.database.tables
    assert_every_end_is_audited_once(world)
    return {
        "published": world.published,
        "effects": sorted(world.partners.ledger, key=lambda effect: effect.call.key),
        "held": dict(sorted(world.partners.held.items())),
        "charges": dict(sorted(world.partners.charges.items())),
        "bookings": tables.bookings,
        "history": tables.history,
        "claims": {id_: standing.claim for id_, standing in tables.claims.items()},
        "keys": tables.keys,
        "undo": tables.undo,
        "outcomes": tables.outcomes,
        "journal": tables.journal,
        "audit": sorted(_told(row) for row in world.audited()),
    }


def _told(row: Mapping[str, object]) -> str:
    """What an entry says; its place in the chain is another when commands are done one by one."""
    return repr({name: row[name] for name in row if name not in _PLACE})


_PLACE = {"sequence", "previous", "hash"}


@scenarios
async def test_a_crash_at_any_point_changes_nothing_of_what_comes_out(scenario: Scenario) -> None:
    calm = await _prepared(scenario)
    await calm.settle()
    expected = _what_came_of_it(calm)
    assert_sound(calm)
    for point in range(1, len(calm.points.seen) + 1):
        world = await _prepared(scenario)
        world.points.crash_at = point
        with pytest.raises(Crash):
            await world.settle()
        world.points.crash_at = None
        await world.settle()
        assert _what_came_of_it(world) == expected, f"after {calm.points.seen[point - 1]} #{point}"


@scenarios
async def test_a_process_that_dies_again_and_again_gets_there(scenario: Scenario) -> None:
    calm = await _prepared(scenario)
    await calm.settle()
    world = await _prepared(scenario)
    for deaths in range(200):
        world.points.seen.clear()
        world.points.crash_at = 1 + deaths // 2
        try:
            await world.settle()
        except Crash:
            continue
        break
    assert _what_came_of_it(world) == _what_came_of_it(calm)


async def test_what_led_to_a_call_is_stored_before_it_is_made(world: World) -> None:
    heard_before: list[tuple[PartnerCall, list[str]]] = []

    async def look(when: str, call: PartnerCall) -> None:
        if when == "before" and isinstance(call, ReserveInventory | CreateIntent):
            stored = [json.loads(body) for body in world.database.tables.journal.values()]
            asked = [call_from_json(each) for body in stored for each in body["asked"].values()]
            assert call in asked
            heard = [a["kind"] for body in stored for a in body["heard"].values()]
            heard_before.append((call, sorted(heard)))

    world.partners.on_call = look
    world.create()
    await world.deliver()
    assert [(type(call), heard) for call, heard in heard_before] == [
        (ReserveInventory, ["Capacity", "Quote"]),
        (CreateIntent, ["Capacity", "Quote", "Reservation"]),
    ]


async def test_a_resumed_command_goes_by_the_answers_it_heard_first(world: World) -> None:
    command_id = world.create()
    world.partners.answers(CreateIntent, Crash(), lands=True)
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.items = None
    world.partners.total = Decimal(999)
    asked = len(world.partners.calls)
    await world.deliver()
    reply = world.reply_to(command_id)
    assert (reply.booking["total_price"], reply.booking["inventory_item_id"]) == (
        "110.00",
        "table-1",
    )
    assert not [c for c in world.partners.calls[asked:] if not isinstance(c, CreateIntent)]


async def test_a_lost_claim_stays_lost_after_a_crash(world: World) -> None:
    """Its reservation may be released already, so the slot must not be won by the second try."""
    world.partners.items = None
    world.partners.answers(
        CreateIntent, Declined("no funds"), times=9, about=lambda call: call.amount.amount == 110
    )
    winner = world.create()
    loser = world.create(hour=1, party_size=3)
    world.partners.answers(ReleaseInventory, Crash(), lands=True)
    with pytest.raises(Crash):
        await world.deliver()
    await world.deliver(at_most=1)
    await world.settle()
    assert world.reply_to(winner).code == "payment_declined"
    assert world.reply_to(loser).code == "slot_unavailable"
    assert_sound(world, winner, loser)


async def test_a_crash_while_giving_back_forgets_nothing(world: World) -> None:
    world.partners.answers(CreateIntent, Declined("no funds"))
    world.partners.answers(ReleaseInventory, Crash())
    command_id = world.create()
    with pytest.raises(Crash):
        await world.deliver()
    assert world.partners.held
    await world.deliver()
    assert world.reply_to(command_id).code == "payment_declined"
    assert not world.partners.held
    assert_nothing_is_held_for_nobody(world)


async def test_the_story_of_a_command_is_kept_with_its_outcome(world: World) -> None:
    world.create()
    await world.deliver()
    (story,) = world.database.tables.stories.values()
    entries = json.loads(story)
    heard = [answer_from_json(a) for entry in entries for a in entry["heard"].values()]
    assert any(isinstance(answer, Capacity) for answer in heard)
    assert any(isinstance(answer, Quote) for answer in heard)
    assert len(heard) == 4
    assert not world.database.tables.journal
