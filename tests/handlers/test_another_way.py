"""A command that is continued later, after its booking changed, may not come to its old calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.effects import UpdateReservation
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
