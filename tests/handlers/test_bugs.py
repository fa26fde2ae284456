"""A bug ends one command, gives back what it had begun, and leaves its neighbours alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import handlers.commands
from domain.commands import Asked, Command, Moment
from domain.effects import (
    CheckCapacity,
    CreateIntent,
    GetQuote,
    ReserveInventory,
)
from domain.rules import Rules
from domain.workflow import Workflow
from domain.workflows import workflow_for
from tests.handlers.invariants import assert_sound
from tests.handlers.world import GUEST, World

UNLUCKY = UUID("00000000-0000-4000-8000-0000000000dd")

Story = Callable[[Workflow], Workflow]


def raises_at_once(story: Workflow) -> Workflow:
    yield from ()
    raise ZeroDivisionError("a bug")


def raises_before_the_intent(story: Workflow) -> Workflow:
    asking = next(story)
    while not isinstance(asking[0], CreateIntent):
        asking = story.send((yield asking))
    raise ZeroDivisionError("a bug")


def raises_at_its_end(story: Workflow) -> Workflow:
    yield from story
    raise ZeroDivisionError("a bug")


def asks_something_unheard_of(story: Workflow) -> Workflow:
    yield (object(),)  # type: ignore[misc]
    return (yield from story)


def ends_with_nothing(story: Workflow) -> Workflow:
    yield from story
    return None  # type: ignore[return-value]


BUGS = [
    raises_at_once,
    raises_before_the_intent,
    raises_at_its_end,
    asks_something_unheard_of,
    ends_with_nothing,
]


def with_bug(monkeypatch: pytest.MonkeyPatch, bug: Callable[[Command, Workflow], Workflow]) -> None:
    def buggy(command: Command, at: Moment, rules: Rules) -> Workflow:
        story = workflow_for(command, at, rules)
        return bug(command, story) if command.asked.command_id == UNLUCKY else story

    monkeypatch.setattr(handlers.commands, "workflow_for", buggy)


async def assert_only_the_unlucky_one_suffers(world: World) -> None:
    before = world.create(hour=0, inventory_item_id="table-1")
    world.create(command_id=UNLUCKY, hour=0, inventory_item_id="table-2", key="k")
    after = world.create(hour=0, inventory_item_id="table-3")
    elsewhere = world.create(venue_id="00000000-0000-4000-8000-0000000b0001")
    await world.deliver()
    neighbours = [world.reply_to(each).status for each in (before, after, elsewhere)]
    assert neighbours == [201, 201, 201]
    reply = world.reply_to(UNLUCKY)
    assert (reply.status, reply.code) == (500, "internal_error")
    assert reply.body["error"]["retryable"] is False
    assert len(world.database.tables.claims) == 3
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    assert len(world.partners.held) == 3
    assert_sound(world, before, UNLUCKY, after, elsewhere)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
async def test_a_bug_in_a_workflow_ends_that_command_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, bug: Story
) -> None:
    with_bug(monkeypatch, lambda _, story: bug(story))
    await assert_only_the_unlucky_one_suffers(world)


async def test_a_workflow_that_cannot_even_be_made_ends_that_command_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(command: Command, story: Workflow) -> Workflow:
        raise TypeError("a bug")

    with_bug(monkeypatch, broken)
    await assert_only_the_unlucky_one_suffers(world)


@pytest.mark.parametrize("kind", [CheckCapacity, GetQuote, ReserveInventory, CreateIntent])
@pytest.mark.parametrize("lands", [False, True])
async def test_a_bug_in_a_partners_adapter_ends_that_command_alone(
    world: World, kind: type, lands: bool
) -> None:
    world.partners.answers(kind, KeyError("a bug"), lands=lands, about=_is_unluckys)
    await assert_only_the_unlucky_one_suffers(world)


@pytest.mark.parametrize("answer", [None, "nonsense"])
async def test_an_answer_of_the_wrong_kind_ends_that_command_alone(
    world: World, answer: Any
) -> None:
    world.partners.answers(GetQuote, answer, about=_is_unluckys)
    await assert_only_the_unlucky_one_suffers(world)


async def test_a_bug_in_an_expiry_lets_it_come_again_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await world.booked()
    world.later(minutes=16)
    await world.sweep()

    def buggy(command: Command, at: Moment, rules: Rules) -> Workflow:
        return raises_at_once(workflow_for(command, at, rules))

    with monkeypatch.context() as patch:
        patch.setattr(handlers.commands, "workflow_for", buggy)
        await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "pending"
    assert await world.sweep() == 0
    world.later(minutes=1)
    assert await world.sweep() == 1
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "expired"
    assert_sound(world)


def _is_unluckys(call: Any) -> bool:
    """Its keys follow from its identity."""
    asked = Asked(GUEST, UNLUCKY)
    return call.key in {asked.key(step) for step in ("capacity", "quote", "reserve", "intent")}
