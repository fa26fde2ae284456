"""Availability from memory: the same answer for less, and never a lost one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.booking import VenueType
from domain.effects import Capacity, CheckCapacity, Partner, PartnerCall, PartnerUnavailable
from handlers.cache import ShortCache
from handlers.partner_answers import FreshAnswers, RememberedAnswers
from schemas.instruments import NO_METER, counter
from schemas.measures import CACHE_LOOKUPS
from tests.handlers.world import NOW, VENUE, World, a_create

QUESTION = CheckCapacity("key-1", VENUE, VenueType.RESTAURANT, NOW, NOW.date(), 2, 120, None)
FREE = Capacity(True, "table-1", None)
AWAY = PartnerUnavailable(Partner.INVENTORY, "told to be away", may_have_happened=False)


@dataclass
class Inventory:
    """Answers when it is let to, and notes who asked."""

    answer: Any = FREE
    asked: list[PartnerCall] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> Any:
        self.asked.append(call)
        await self.open.wait()
        return self.answer


class Memory:
    """Answers in front of an inventory service."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.inventory.open.set()
        self.cache = ShortCache("availability", 5, counter(NO_METER, CACHE_LOOKUPS), lambda: 0.0)
        self.cache.corrected(True)
        self.answers = RememberedAnswers(FreshAnswers(self.inventory, lambda: NOW), self.cache)

    async def ask(self, key: str = "key-1", **changes: Any) -> Any:
        return (await self.answers.ask(replace(QUESTION, key=key, **changes), {})).answer

    @property
    def calls(self) -> int:
        return len(self.inventory.asked)


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def test_the_same_question_is_asked_once_whoever_asks(memory: Memory) -> None:
    assert [await memory.ask(key) for key in ("key-1", "key-2")] == [FREE, FREE]
    assert memory.calls == 1


@pytest.mark.parametrize(
    "change",
    [
        {"venue_id": UUID(int=1)},
        {"party_size": 3},
        {"duration_minutes": 90},
        {"booking_time": NOW + timedelta(minutes=1)},
        {"item": "table-2"},
    ],
)
async def test_another_question_is_another(memory: Memory, change: dict[str, Any]) -> None:
    await memory.ask()
    await memory.ask(**change)
    assert memory.calls == 2


async def test_a_partner_that_is_away_is_asked_again(memory: Memory) -> None:
    memory.inventory.answer = AWAY
    assert await memory.ask() == AWAY
    memory.inventory.answer = FREE
    assert await memory.ask() == FREE


async def test_what_a_venue_s_event_told_is_asked_again(memory: Memory) -> None:
    await memory.ask()
    memory.cache.forget(VENUE)
    memory.inventory.answer = Capacity(False, None, "full")
    assert await memory.ask() == memory.inventory.answer


async def test_who_asks_meanwhile_waits_for_the_same_answer(memory: Memory) -> None:
    memory.inventory.open.clear()
    asking = [asyncio.create_task(memory.ask(f"key-{n}")) for n in range(5)]
    await asyncio.sleep(0)
    memory.inventory.open.set()
    assert await asyncio.gather(*asking) == [FREE] * 5
    assert memory.calls == 1


async def test_who_asks_after_an_event_gets_no_answer_from_before(memory: Memory) -> None:
    memory.inventory.open.clear()
    before = asyncio.create_task(memory.ask("key-1"))
    await asyncio.sleep(0)
    memory.cache.forget(VENUE)
    after = [asyncio.create_task(memory.ask(f"key-{n}")) for n in (2, 3)]
    await asyncio.sleep(0)
    assert [call.key for call in memory.inventory.asked] == ["key-1", "key-2"]
    memory.inventory.open.set()
    await asyncio.gather(before, *after)
    assert memory.calls == 2
    assert await memory.ask("key-4") == FREE
    assert memory.calls == 2, "the later answer is kept"


async def test_of_a_partner_that_is_away_all_hear_at_once(memory: Memory) -> None:
    memory.inventory.open.clear()
    memory.inventory.answer = AWAY
    asking = [asyncio.create_task(memory.ask(f"key-{n}")) for n in range(5)]
    await asyncio.sleep(0)
    memory.inventory.open.set()
    assert await asyncio.gather(*asking) == [AWAY] * 5
    assert memory.calls == 1


async def test_who_is_torn_away_takes_nobody_with_him(memory: Memory) -> None:
    memory.inventory.open.clear()
    first, *others = [asyncio.create_task(memory.ask(f"key-{n}")) for n in range(4)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    memory.inventory.open.set()
    assert await asyncio.gather(*others) == [FREE] * 3
    assert first.cancelled()
    assert memory.calls == 2


async def test_a_bug_is_its_own_asker_s(memory: Memory) -> None:
    real = memory.inventory.call

    async def fails(call: PartnerCall, trace: Mapping[str, str]) -> Any:
        await real(call, trace)
        raise RuntimeError("a bug")

    memory.inventory.call = fails  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a bug"):
        await memory.ask()
    memory.inventory.call = real  # type: ignore[method-assign]
    memory.inventory.answer = FREE
    assert await memory.ask() == FREE


@pytest.fixture
def remembering(world: World) -> World:
    """Answers about availability for five seconds."""
    lookups = counter(NO_METER, CACHE_LOOKUPS)
    cache = ShortCache("availability", 5, lookups, clock=lambda: world.now.timestamp())  # noqa: PLW0108 - it moves on
    cache.corrected(True)
    answers = RememberedAnswers(FreshAnswers(world.partners, lambda: world.now), cache)
    availability = replace(world.queries.availability, partners=answers)
    world.queries = replace(world.queries, availability=availability)
    return world


async def test_availability_says_how_old_its_oldest_part_is(remembering: World) -> None:
    world, asked = remembering, a_create()
    first = (await world.ask("check_availability", asked)).body["data"]
    world.now += timedelta(seconds=3)
    second = (await world.ask("check_availability", asked)).body["data"]
    assert first == second
    world.now += timedelta(seconds=3)
    third = (await world.ask("check_availability", asked)).body["data"]
    assert third["checked_at"] > second["checked_at"]


async def test_what_we_sold_ourselves_is_never_remembered_to_be_free(remembering: World) -> None:
    """Claims are asked for every time, whatever partners said a moment ago."""
    world, asked = remembering, a_create(inventory_item_id="table-1")
    assert (await world.ask("check_availability", asked)).body["data"]["available"]
    await world.booked(inventory_item_id="table-1")
    answer = (await world.ask("check_availability", asked)).body["data"]
    assert not answer["available"]
    assert "slot_unavailable" in answer["reasons"]
