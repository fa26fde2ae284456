"""The sweeper only publishes; what fails comes back, later and under another id."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from domain.effects import ConfirmIntent, RefundPayment, ReleaseInventory
from tests.handlers.invariants import assert_sound
from tests.handlers.world import COMMANDS, ELSEWHERE, STAFF, World


async def _confirmed(world: World) -> dict[str, Any]:
    booking = await world.booked()
    asked = world.move(booking, "confirmed")
    await world.settle()
    return world.reply_to(asked).booking


def _sent(world: World) -> list[dict[str, Any]]:
    return [json.loads(output.value) for output in world.to(COMMANDS)]


async def test_two_sweepers_publish_the_same_command_and_it_is_done_once(world: World) -> None:
    booking = await world.booked(venue_id=ELSEWHERE)
    world.later(minutes=16)
    assert [await world.sweep(), await world.sweep()] == [1, 1]
    one, other = world.to(COMMANDS)
    assert one == other
    assert (one.partition, one.key) == (1, str(ELSEWHERE).encode())
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "expired"
    assert world.event_types == ["booking.created", "booking.expired", "booking.status_changed"]
    assert len(world.replies) == 1
    assert await world.sweep() == 0
    assert_sound(world)


async def test_nothing_expires_before_its_time(world: World) -> None:
    await world.booked()
    world.later(minutes=15, seconds=1)  # so that a confirmation in the last moment comes first
    assert await world.sweep() == 0
    world.later(seconds=2)
    assert await world.sweep() == 1


async def test_a_sweeper_does_not_repeat_itself_before_its_command_had_time(world: World) -> None:
    await world.booked()
    world.later(minutes=16)
    sweeper = world.sweeper()
    assert await sweeper.sweep(world.now) == 1
    world.later(seconds=10)
    assert await sweeper.sweep(world.now) == 0
    world.later(seconds=60)
    assert await sweeper.sweep(world.now) == 1


async def test_a_booking_confirmed_before_its_expiry_came_stays(world: World) -> None:
    booking = await world.booked()
    world.move(booking, "confirmed")
    world.later(minutes=16)
    await world.sweep()
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "confirmed"
    assert_sound(world)


async def test_what_could_not_be_released_is_released_once_inventory_is_back(
    world: World,
) -> None:
    booking = await _confirmed(world)
    world.partners.is_away_for(ReleaseInventory, times=3)
    world.cancel(booking)
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "cancelled"
    pauses = []
    while world.partners.held:
        world.later(seconds=1)
        pauses.append(await world.sweep())
        await world.settle()
        assert len(pauses) < 60
    assert pauses[0] == 1
    assert pauses.count(1) == 3
    assert [i for i, swept in enumerate(pauses) if swept][1] >= 5
    settles = [sent for sent in _sent(world) if sent["type"] == "settle_undo"]
    assert [sent["data"]["attempt"] for sent in settles] == [0, 1, 2]
    assert len({sent["command_id"] for sent in settles}) == 3
    assert not [s for s in world.database.tables.undo.values() if not s.is_done]
    assert_sound(world)


async def test_a_refund_that_ends_later_raises_the_version_and_is_told(world: World) -> None:
    booking = await _confirmed(world)
    world.partners.is_away_for(RefundPayment)
    asked = world.cancel(booking)
    await world.settle()
    cancelled = world.reply_to(asked).booking
    assert (cancelled["payment_status"], cancelled["amount_refunded"]) == ("succeeded", "0.00")
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    event = world.events[-1]
    assert event["event_type"] == "booking.updated"
    assert event["payload"]["booking_version"] == cancelled["version"] + 1
    assert event["payload"]["amount_refunded"] == "110.00"
    assert event["payload"]["changes"]["payment_status"] == ["succeeded", "refunded"]
    assert len(world.partners.effects(RefundPayment)) == 1
    assert_sound(world)


async def test_a_refund_whose_answer_was_lost_is_made_once(world: World) -> None:
    booking = await _confirmed(world)
    world.partners.is_away_for(RefundPayment, times=2, lands=True)
    world.cancel(booking)
    for _ in range(4):
        await world.settle()
        world.later(minutes=1)
        await world.sweep()
    assert len(world.partners.effects(RefundPayment)) == 1
    assert world.bookings[UUID(booking["id"])].payment.status == "refunded"
    assert_sound(world)


async def test_a_charge_that_was_never_heard_of_is_refunded_when_the_booking_expires(
    world: World,
) -> None:
    booking = await world.booked()
    world.partners.is_away_for(ConfirmIntent, lands=True)
    world.move(booking, "confirmed", payment="at_venue", by=STAFF)
    await world.settle()
    world.move(booking, "confirmed")
    await world.settle()
    for _ in range(3):
        world.later(minutes=16)
        await world.sweep()
        await world.settle()
    assert_sound(world)


async def test_an_undo_waits_for_the_booking_it_belongs_to(world: World) -> None:
    """Both come in one batch, and the undo looks at what the booking is after the command."""
    booking = await _confirmed(world)
    world.partners.is_away_for(RefundPayment)
    world.cancel(booking)
    await world.settle()
    world.later(seconds=1)
    await world.sweep()
    world.cancel(booking)
    await world.settle()
    assert world.replies[-1].code == "invalid_transition"
    assert_sound(world)
