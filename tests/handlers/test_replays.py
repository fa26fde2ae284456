"""The group is set back: what was done and published once is not done or published again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.effects import CreateIntent
from handlers.ports import Coordinates, Mark
from tests.handlers.test_crashes import Scenario, scenarios
from tests.handlers.world import ELSEWHERE, NOW, STRANGER, Crash, World, bearer


def what_stands(world: World) -> dict[str, Any]:
    """Everything but the lanes themselves, which say how often they were opened."""
    tables = world.database.tables
    rows = {name: dict(getattr(tables, name)) for name in tables.__slots__}
    return {
        **{name: table for name, table in rows.items() if name not in ("lanes", "attempts")},
        "calls": list(world.partners.calls),
        "published": list(world.published),
        "log": list(world.log),
    }


async def assert_nothing_happens_again(world: World) -> None:
    await world.settle()
    before = what_stands(world)
    assert before["published"]
    await world.rewind()
    world.later(days=2)
    await world.settle()
    assert what_stands(world) == before


@scenarios
async def test_a_replay_from_the_beginning_changes_nothing(scenario: Scenario) -> None:
    world = World()
    await scenario(world)
    await assert_nothing_happens_again(world)


async def test_what_stores_nothing_is_silent_below_the_mark(world: World) -> None:
    world.send_bytes(b"not JSON", headers=[("correlation_id", b"c1")])
    world.create(by=None)
    world.create(token=bearer(STRANGER, NOW))
    used = world.create()
    world.send("create_booking", {"other": "content"}, command_id=used)
    await assert_nothing_happens_again(world)


async def test_repeats_and_copies_are_silent_below_the_mark(world: World) -> None:
    asked = world.create(key="k")
    world.create(command_id=asked, key="k")
    world.publish_again()
    world.create(key="k")
    world.create(venue_id=ELSEWHERE, partition=2)
    world.send("cancel_booking", {"booking_id": str(asked)})
    world.send("update_booking", {})
    await assert_nothing_happens_again(world)


async def test_above_the_mark_the_same_records_are_published_again(world: World) -> None:
    """Without the mark nobody could tell a replay from a try whose transaction was lost."""
    world.create()
    lost = await world.deliver(abort=True)
    assert not world.published
    await world.settle()
    assert world.published == [*lost[0]]


async def test_what_was_never_done_is_done_even_below_the_mark(world: World) -> None:
    """The database was set back to an earlier day; the group too, as it should be."""
    first = world.create(hour=0)
    await world.settle()
    earlier = world.database.tables.copy()
    lost = world.create(hour=4)
    await world.settle()
    await world.rewind()
    lanes = dict(world.database.tables.lanes)
    world.database.tables = earlier
    world.database.tables.lanes.update(lanes)
    await world.settle()
    assert len(world.replies_to(first)) == 1
    assert [reply.status for reply in world.replies_to(lost)] == [201, 201]


async def test_what_was_started_and_lies_below_the_mark_is_brought_to_its_end(
    world: World,
) -> None:
    """Its offset was skipped, others behind it were published, and then the group was set back."""
    asked = world.create(hour=0)
    usual = world.partners.on_call
    world.partners.on_call = _crash_at_the_intent
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = usual
    world.forget(world.log[0])
    later = world.create(hour=4)
    await world.settle()
    assert world.reply_to(later).status == 201
    await world.rewind()
    await world.settle()
    assert world.reply_to(asked).status == 201


async def _crash_at_the_intent(when: str, call: object) -> None:
    if when == "before" and isinstance(call, CreateIntent):
        raise Crash("before CreateIntent")


async def test_a_topic_made_anew_begins_below_the_old_mark_and_is_done(world: World) -> None:
    for hour in range(0, 12, 4):
        world.create(hour=hour)
    await world.settle()
    await world.rest()
    world.log.clear()
    world.committed.clear()
    world.told.clear()
    world.later(minutes=1)
    anew = world.create(hour=20, command_id=UUID(int=20))
    again = world.create(hour=20, command_id=UUID(int=21))
    world.send_bytes(b"not JSON")
    await world.settle()
    assert len(world.to("booking.dead-letter")) == 1
    assert world.reply_to(anew).status == 201
    assert world.reply_to(again).status == 201
    before = what_stands(world)
    await world.rewind()
    await world.settle()
    assert what_stands(world) == before


records = st.lists(st.integers(0, 5), min_size=1, max_size=30)


@given(records, st.data())
def test_a_mark_covers_what_was_published_and_nothing_else(
    steps: list[int], data: st.DataObject
) -> None:
    """Timestamps never fall within a partition; offsets grow by one."""
    log: list[Coordinates] = []
    now = 1_000
    for offset, step in enumerate(steps):
        now += step
        log.append(Coordinates("commands", 0, offset, now))
    published = data.draw(st.integers(0, len(log)))
    mark: Mark | None = None
    for at in log[:published]:
        reached = Mark(at.offset + 1, at.timestamp_ms)
        mark = mark.risen_to(reached) if mark else reached
    for at in log:
        assert (mark is not None and mark.covers(at)) == (at.offset < published)


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 9), st.integers(0, 9))
def test_a_mark_never_falls(offset: int, at: int, other_offset: int, other_at: int) -> None:
    mark, other = Mark(offset, at), Mark(other_offset, other_at)
    risen = mark.risen_to(other)
    assert risen.timestamp_ms == max(at, other_at)
    assert risen.timestamp_ms > at or risen.offset >= offset
    assert mark.risen_to(None) == mark.risen_to(mark) == mark
