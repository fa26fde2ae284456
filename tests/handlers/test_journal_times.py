"""When calls were made and answered is kept for people, and nothing depends on it."""

from __future__ import annotations

import json

from domain.effects import PartnerCall, ReserveInventory
from handlers.journal import Journal
from tests.handlers.world import NOW, World


async def test_the_story_says_when_each_call_was_made_and_how_long_it_took(world: World) -> None:
    async def slowly(when: str, call: PartnerCall) -> None:
        if when == "before" and isinstance(call, ReserveInventory):
            world.later(seconds=2)

    world.partners.on_call = slowly
    world.create()
    await world.deliver()
    (story,) = world.database.tables.stories.values()
    timed = [each for entry in json.loads(story) for each in entry["times"]]
    begun = int(NOW.timestamp() * 1000)
    assert ["ReserveInventory", begun, 2000] in timed
    assert [name for name, *_ in timed][-1] == "CreateIntent"
    heard = [key for entry in json.loads(story) for key in entry["heard"]]
    assert len(timed) == len(heard)


def test_entries_of_a_version_that_kept_no_times_are_read() -> None:
    old = '{"heard": {"k": {"kind": "Released"}}, "asked": {}}'
    assert json.loads(Journal([old]).story()) == [json.loads(old)]
