"""A call that may have been made before a crash stays one that may have happened, whatever keeps
its partner from being asked again.
"""

from __future__ import annotations

from typing import Any

import pytest

from domain.effects import (
    ConfirmIntent,
    CreateIntent,
    PartnerCall,
    RefundPayment,
    ReleaseInventory,
    ReserveInventory,
)
from tests.handlers.invariants import assert_sound
from tests.handlers.test_crashes import (
    Scenario,
    a_cancellation_with_refund,
    a_confirmation,
    a_create_that_is_given_back,
    an_update_to_another_item,
)
from tests.handlers.world import Crash, World


async def a_create(world: World) -> None:
    world.create(inventory_item_id="table-1", payment_method_id="pm_1")


async def dies_after(world: World, kind: type[PartnerCall]) -> None:
    async def die(when: str, call: PartnerCall) -> None:
        if when == "after" and isinstance(call, kind):
            raise Crash(type(call).__name__)

    async def nothing(when: str, call: PartnerCall) -> None: ...

    world.partners.on_call = die
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        (a_create, ReserveInventory),
        (a_create, CreateIntent),
        (a_create_that_is_given_back, ReleaseInventory),
        (an_update_to_another_item, ReserveInventory),
        (a_confirmation, ConfirmIntent),
        (a_cancellation_with_refund, RefundPayment),
        (a_cancellation_with_refund, ReleaseInventory),
    ],
)
async def test_what_was_begun_has_its_owner_though_its_partner_cannot_be_asked_again(
    world: World, scenario: Scenario, kind: Any
) -> None:
    await scenario(world)
    await dies_after(world, kind)
    world.partners.is_away_for(kind)  # a breaker is open, or nobody listens
    await world.settle()
    assert_sound(world)
    world.partners.heal()
    for _ in range(3):
        world.later(minutes=120)
        await world.sweep()
        await world.settle()
    assert_sound(world)
