"""Commands that were started, and whose records will never be delivered again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.effects import CreateIntent, ReleaseInventory, ReserveInventory
from handlers.ports import Record
from tests.handlers.invariants import assert_sound
from tests.handlers.world import Crash, World

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")
STARTED_IN_FRONT_OF = pytest.mark.parametrize("call", [ReserveInventory, CreateIntent])


async def abandoned(
    world: World, call: type = CreateIntent, key: str | None = "k", **fields: Any
) -> UUID:
    """A create that died at this call, its record gone for ever."""
    world.partners.answers(call, Crash(), lands=True)
    command_id = world.create(command_id=SOME_ID, key=key, **fields)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    return command_id


async def swept(world: World) -> Record:
    world.later(minutes=3)
    assert await world.sweep() == 1
    return world.log[-1]


@STARTED_IN_FRONT_OF
@pytest.mark.parametrize("abort", [False, True])
async def test_the_sweeper_has_an_abandoned_command_ended_and_given_back(
    world: World, call: type, abort: bool
) -> None:
    lost = await abandoned(world, call, inventory_item_id="table-1")
    await swept(world)
    if abort:
        await world.deliver(abort=True)
    await world.settle()
    reply = world.reply_to(lost)
    assert (reply.status, reply.code, reply.is_replayed) == (500, "internal_error", False)
    assert not world.database.tables.claims
    assert not world.database.tables.keys
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    assert not world.partners.held
    assert_sound(world, lost)
    again = world.create(key="k", inventory_item_id="table-1")
    await world.settle()
    assert world.reply_to(again).status == 201


async def test_an_abandoned_command_is_ended_once_however_often_it_is_swept(world: World) -> None:
    lost = await abandoned(world)
    await swept(world)
    await world.sweep()
    await world.settle()
    world.later(hours=2)
    await world.sweep()
    await world.settle()
    assert_sound(world, lost)


async def test_a_command_that_will_still_be_delivered_is_not_ended(world: World) -> None:
    """The sweeper of another worker saw it started, and its own record came to lie in front."""
    world.partners.answers(CreateIntent, Crash())
    waiting = world.create()
    (record,) = world.log
    world.log[0] = replace(record, offset=1)
    with pytest.raises(Crash):
        await world.deliver()
    await swept(world)
    world.log.reverse()
    world.log[0] = replace(world.log[0], offset=0)
    await world.deliver(at_most=1)
    assert not world.replies
    await world.settle()
    assert world.reply_to(waiting).status == 201


async def test_what_the_sweeper_sends_again_is_never_ended_undone(world: World) -> None:
    booking = await world.booked()
    world.later(minutes=16)
    await world.sweep()
    world.partners.answers(ReleaseInventory, Crash(), lands=True)
    with pytest.raises(Crash):
        await world.deliver()
    world.forget(world.log[-1])
    world.later(minutes=3)
    assert await world.sweep() == 2
    world.log[-2:] = [
        replace(world.log[-1], offset=world.log[-2].offset),
        replace(world.log[-2], offset=world.log[-1].offset),
    ]
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "expired"
    assert_sound(world)


@pytest.mark.parametrize("abort", [False, True])
async def test_a_repeat_of_an_abandoned_id_carries_it_on(world: World, abort: bool) -> None:
    await abandoned(world, key=None)
    world.create(command_id=SOME_ID)
    if abort:
        await world.deliver(abort=True)
    await world.settle()
    (reply,) = world.replies
    assert (reply.status, reply.is_replayed) == (201, False)
    assert world.event_types == ["booking.created"]
    assert len(world.partners.effects(ReserveInventory)) == 1
    assert len(world.partners.effects(CreateIntent)) == 1
    assert_sound(world, SOME_ID)


@STARTED_IN_FRONT_OF
@pytest.mark.parametrize("abort", [False, True])
async def test_a_key_held_by_an_abandoned_command_brings_it_to_its_end(
    world: World, call: type, abort: bool
) -> None:
    """Its outcome is what the second command hears, its events go out, and its client is told."""
    lost = await abandoned(world, call)
    again = world.create(key="k")
    if abort:
        await world.deliver(abort=True)
    await world.settle()
    first, second = world.reply_to(lost), world.reply_to(again)
    assert (first.status, first.is_replayed) == (201, False)
    assert second.output.value == first.output.value
    assert second.is_replayed
    assert world.event_types == ["booking.created"]
    assert len(world.bookings) == len(world.partners.effects(ReserveInventory)) == 1
    assert_sound(world, lost, again)


async def test_a_key_held_by_an_abandoned_command_that_fails_again_is_released(
    world: World,
) -> None:
    lost = await abandoned(world, ReserveInventory)
    world.partners.is_away_for(CreateIntent)
    again = world.create(key="k")
    once_more = world.create(key="k")
    await world.settle()
    assert world.reply_to(lost).code == world.reply_to(again).code == "payment_failed"
    assert world.reply_to(once_more).status == 201
    assert_sound(world, lost, again, once_more)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_crash_while_an_abandoned_command_is_carried_on_loses_nothing(
    fails: bool,
) -> None:
    for point in range(1, 30):
        world = World()
        lost = await abandoned(world, ReserveInventory)
        again = world.create(key="k")
        if fails:
            world.partners.is_away_for(CreateIntent, times=9)
        world.points.seen.clear()
        world.points.crash_at = point
        try:
            await world.settle()
        except Crash:
            world.points.crash_at = None
            await world.settle()
            assert world.reply_to(again).output.value == world.reply_to(lost).output.value
            assert_sound(world, lost, again)
        else:
            assert point > 5
            break


async def test_another_request_under_the_key_of_an_abandoned_command_is_refused_at_once(
    world: World,
) -> None:
    await abandoned(world)
    other = world.create(key="k", party_size=3)
    await world.settle()
    assert world.reply_to(other).code == "idempotency_key_reused"
