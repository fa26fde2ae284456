"""A call that may have been made before a crash stays one that may have happened, whatever keeps
its partner from being asked again.
"""

from __future__ import annotations

from typing import Any

import pytest

from domain.effects import CreateIntent, PartnerCall, ReserveInventory
from tests.handlers.invariants import assert_nothing_is_held_for_nobody, assert_sound
from tests.handlers.world import Crash, World


async def dies_after(world: World, kind: type[PartnerCall]) -> None:
    async def die(when: str, call: PartnerCall) -> None:
        if when == "after" and isinstance(call, kind):
            raise Crash(type(call).__name__)

    async def nothing(when: str, call: PartnerCall) -> None: ...

    world.partners.on_call = die
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing


@pytest.mark.parametrize("kind", [ReserveInventory, CreateIntent])
async def test_what_was_begun_is_given_back_though_its_partner_cannot_be_asked_again(
    world: World, kind: Any
) -> None:
    asked = world.create(inventory_item_id="table-1")
    await dies_after(world, kind)
    assert len(world.partners.effects(kind)) == 1
    world.partners.is_away_for(kind)  # a breaker is open, or nobody listens
    await world.settle()
    assert world.reply_to(asked).status >= 500
    world.partners.heal()
    for _ in range(3):
        world.later(minutes=120)
        await world.sweep()
        await world.settle()
    assert_nothing_is_held_for_nobody(world)
    assert_sound(world)
