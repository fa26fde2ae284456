"""A command that is continued later, after its booking changed, may not come to its old calls."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.booking import VenueType
from domain.effects import RefundPayment, ReleaseInventory, UpdateReservation
from domain.lifecycle import Status
from domain.rules import Fallback, RefundStep, Rules
from domain.undo import RestoreReservation
from tests.handlers.world import TOMORROW, Crash, World


async def test_a_repeat_that_takes_another_way_owes_what_the_first_try_began(world: World) -> None:
    booking = await world.booked(inventory_item_id="table-1")
    later = (TOMORROW + timedelta(hours=1)).isoformat()
    world.partners.answers(UpdateReservation, Crash(), lands=True)
    update = world.update(booking, booking_time=later)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.update(booking, special_requests="a window")
    await world.settle()

    world.update(booking, booking_time=later, command_id=update)
    await world.settle()

    assert world.reply_to(update).code == "version_conflict"
    (undo,) = world.database.tables.undo.values()
    assert isinstance(undo.undo.owed, RestoreReservation)


async def test_a_repeat_that_asks_something_else_under_an_old_key_is_ended() -> None:
    half = RefundStep(timedelta(0), Decimal(50))
    fallback = Fallback(is_allowed=False)
    world = World(Rules(refund={VenueType.RESTAURANT: (half,)}, fallback=fallback))
    booking = await world.booked(inventory_item_id="table-1")
    world.move(booking, "confirmed")
    await world.settle()
    world.partners.answers(ReleaseInventory, Crash())
    world.partners.answers(RefundPayment, Crash())
    cancel = world.cancel(booking)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.update(booking | {"version": 2}, party_size=1)  # cheaper: less is left to be refunded
    await world.settle()
    refunds = len(world.partners.effects(RefundPayment))

    world.cancel(booking, command_id=cancel)
    await world.settle()

    assert world.reply_to(cancel).code == "internal_error"
    assert len(world.partners.effects(RefundPayment)) == refunds
    (standing,) = world.bookings.values()
    assert standing.status is Status.CONFIRMED
