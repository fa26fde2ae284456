"""What is owed, through the whole pipeline: commands die, calls land late, all is made good."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.booking import PaymentStatus
from domain.effects import (
    ConfirmIntent,
    CreateIntent,
    FindIntent,
    Full,
    Intent,
    Partner,
    PartnerUnavailable,
    RefundPayment,
    ReleaseInventory,
    ReserveInventory,
)
from domain.lifecycle import Status
from domain.undo import Undo
from tests.handlers.invariants import assert_sound
from tests.handlers.world import Crash, World


async def paid_booking(world: World) -> dict[str, Any]:
    booking = await world.booked()
    asked = world.move(booking, "confirmed")
    await world.settle()
    return world.reply_to(asked).booking


async def died_for_good(world: World, booking: dict[str, Any]) -> UUID:
    """A cancellation whose refund went through, and whose record is never delivered again."""
    world.partners.answers(ReleaseInventory, Crash())
    world.partners.answers(RefundPayment, Crash(), lands=True)
    cancel = world.cancel(booking)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.later(minutes=3)
    await swept(world)
    assert world.reply_to(cancel).code == "internal_error"
    return cancel


async def swept(world: World) -> None:
    world.later(seconds=1)
    await world.sweep()
    await world.settle()


async def swept_to_the_end(world: World) -> None:
    """Hours go by; what is still owed then waits for people."""
    for _ in range(16):
        world.later(hours=2)
        await swept(world)


def owed(world: World) -> list[Undo]:
    return [each.undo for each in world.database.tables.undo.values() if not each.is_done]


def the_booking(world: World, booking: dict[str, Any]) -> Any:
    return world.bookings[UUID(booking["id"])]


async def test_a_refund_of_a_cancellation_that_died_is_not_made_twice_by_the_next(
    world: World,
) -> None:
    booking = await paid_booking(world)
    await died_for_good(world, booking)
    again = world.cancel(booking)
    await world.settle()
    assert world.reply_to(again).booking["payment_status"] == "refunded"
    (charge,) = world.partners.charges.values()
    assert charge.refunded == charge.create.amount.amount
    await swept_to_the_end(world)
    assert owed(world) == []
    assert_sound(world)


async def test_a_refund_of_a_cancellation_that_died_is_recorded_once_it_is_found(
    world: World,
) -> None:
    booking = await paid_booking(world)
    await died_for_good(world, booking)
    await swept(world)
    assert the_booking(world, booking).payment.status is PaymentStatus.SUCCEEDED
    assert owed(world), "visible as long as nobody can tell"
    gone = Intent(booking["payment_intent_id"], PaymentStatus.FAILED)
    world.partners.answers(FindIntent, gone, times=9)
    await swept_to_the_end(world)
    recorded = the_booking(world, booking)
    assert recorded.payment.status is PaymentStatus.REFUNDED
    assert recorded.version == booking["version"] + 1
    assert world.event_types[-1] == "booking.updated"
    assert owed(world) == []
    assert_sound(world)


async def test_an_expiry_that_fails_after_its_refund_refunds_nothing_again(world: World) -> None:
    booking = await world.booked()
    world.partners.is_away_for(ConfirmIntent, lands=True)
    world.partners.answers(
        FindIntent, Intent(booking["payment_intent_id"], PaymentStatus.REQUIRES_PAYMENT), times=2
    )
    world.move(booking, "confirmed")
    await world.settle()
    world.partners.heal()
    world.later(minutes=16)
    world.partners.answers(RefundPayment, RuntimeError("a bug"), lands=True)
    await swept(world)
    assert the_booking(world, booking).status is Status.PENDING
    assert len(owed(world)) > 1, "what it began, beside the lost confirmation"
    await swept_to_the_end(world)
    payment = the_booking(world, booking).payment
    assert (payment.paid, payment.refunded) == (payment.refunded, payment.paid)
    assert not payment.kept.amount
    assert owed(world) == []
    assert_sound(world)


async def test_a_reserve_that_is_full_after_a_crash_may_be_the_first_tries_own_doing(
    world: World,
) -> None:
    """The worker was killed in the call, its successor heard 409, and then the first one landed."""
    world.partners.answers(ReserveInventory, Crash())
    create = world.create()
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.answers(ReserveInventory, Full("in progress"), times=2)
    await world.settle()
    assert world.reply_to(create).code == "inventory_unavailable"
    assert len(owed(world)) == 1
    await swept(world)
    assert len(owed(world)) == 1, "full again proves nothing yet"
    (reserve, *_) = world.partners.made(ReserveInventory)
    await world.partners.call(reserve, {})
    assert world.partners.held
    await swept_to_the_end(world)
    assert (world.partners.held, owed(world)) == ({}, [])


async def test_a_confirmation_that_charges_after_the_cancellation_looked_is_refunded(
    world: World,
) -> None:
    booking = await world.booked()
    cut = PartnerUnavailable(Partner.PAYMENT, "cut", may_have_happened=True)
    world.partners.answers(ConfirmIntent, cut)
    world.move(booking, "confirmed")
    await world.settle()
    world.cancel(booking)
    await world.settle()
    await swept(world)
    (confirm,) = world.partners.made(ConfirmIntent)
    await world.partners.call(confirm, {})
    await swept_to_the_end(world)
    payment = the_booking(world, booking).payment
    assert payment.status is PaymentStatus.REFUNDED
    assert owed(world) == []
    assert_sound(world)


async def test_nothing_that_an_active_booking_stands_on_is_released_by_what_died(
    world: World,
) -> None:
    booking = await paid_booking(world)
    world.partners.answers(ReleaseInventory, Crash())
    world.partners.answers(RefundPayment, Crash())
    cancel = world.cancel(booking)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.later(minutes=3)
    await swept_to_the_end(world)
    assert world.reply_to(cancel).code == "internal_error"
    assert the_booking(world, booking).hold.reservation_id in world.partners.held
    assert world.partners.effects(ReleaseInventory) == []
    assert world.partners.effects(RefundPayment) == []


async def test_an_intent_of_a_create_that_died_is_settled_at_once(world: World) -> None:
    """Nobody heard its secret, so nobody can pay it."""
    world.partners.answers(CreateIntent, Crash(), lands=True)
    world.create()
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.later(minutes=3)
    await swept(world)
    await swept(world)
    assert owed(world) == []
