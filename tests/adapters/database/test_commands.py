"""Commands: started once, found again, ended once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from handlers.ports import Abandoned, JournalEntry, KnownCommand
from tests.adapters.database.lane import (
    PARTITION,
    TOPIC,
    Lane,
    a_recording,
    a_start,
    an_outcome,
    coordinates,
)
from tests.builders import NOW


async def test_a_started_command_is_found_as_it_was_written(lane: Lane) -> None:
    start = await lane.started()
    bare = await lane.started(
        booking_id=None, booking_reference=None, reply_route=None, key_id=None
    )
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([start.row_id, bare.row_id, uuid4()])
    assert found == {
        start.row_id: KnownCommand(start, None, ()),
        bare.row_id: KnownCommand(bare, None, ()),
    }


async def test_a_command_starts_once(lane: Lane) -> None:
    start = await lane.started()
    new = a_start()
    async with lane.transaction() as transaction:
        assert await transaction.start([replace(start, run=9), new]) == {new.row_id}
        assert (await transaction.find_commands([start.row_id]))[start.row_id].start == start


async def test_coordinates_name_a_record_with_its_timestamp(lane: Lane) -> None:
    here = coordinates(offset=40)
    start = await lane.started(coordinates=here)
    of_a_topic_made_anew = replace(here, timestamp_ms=here.timestamp_ms + 1)
    async with lane.transaction() as transaction:
        found = await transaction.find_by_coordinates([here, of_a_topic_made_anew])
    assert found == {here: KnownCommand(start, None, ())}


async def test_an_adopted_command_lies_where_its_new_record_lies(lane: Lane) -> None:
    start = await lane.started()
    now_at = coordinates(offset=90, partition=5)
    async with lane.transaction() as transaction:
        await transaction.adopt({start.row_id: now_at})
    async with lane.transaction() as transaction:
        assert await transaction.find_by_coordinates([start.coordinates]) == {}
        found = await transaction.find_by_coordinates([now_at])
    assert found[now_at].start == replace(start, coordinates=now_at)
    abandoned = await lane.database.due.abandoned(TOPIC, NOW + timedelta(days=1), 10)
    assert abandoned == [Abandoned(start.row_id, 5)]


async def test_a_command_lies_with_its_outcome_and_is_adopted_no_more(lane: Lane) -> None:
    """Whoever finds it not ended may be late: another lane ends it before the adoption."""
    start = await lane.started()
    here, elsewhere = start.coordinates, coordinates(offset=90, partition=5)
    async with lane.transaction() as transaction:
        await transaction.adopt({start.row_id: elsewhere})
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(start, lies_at=here)])
    async with lane.transaction() as transaction:
        await transaction.adopt({start.row_id: elsewhere})
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([start.row_id])
    assert found[start.row_id].start == start


async def test_what_was_heard_comes_back_in_its_order(lane: Lane) -> None:
    start = await lane.started()
    entries = [JournalEntry(start.row_id, number, f"[{number}]") for number in (2, 1, 10)]
    async with lane.transaction() as transaction:
        await transaction.journal(entries)
        found = await transaction.find_commands([start.row_id])
    assert found[start.row_id].journal == ("[1]", "[2]", "[10]")


async def test_an_ended_command_has_its_outcome_and_no_journal(lane: Lane) -> None:
    start = await lane.started()
    outcome = an_outcome(code="slot_unavailable", status=409, replayed_from=uuid4())
    async with lane.transaction() as transaction:
        await transaction.journal([JournalEntry(start.row_id, 1, "[]")])
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(start, outcome=outcome)])
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([start.row_id])
    assert found == {start.row_id: KnownCommand(start, outcome, ())}


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"Zoë \U0001f37d","said":"\\"so\\" \\\\ \\u001f\\n","none":null}',
        '{"numbers":[1e-7,1.0,-0.0,12345678901234567890]}',
        '{"zero":"\\u0000"}',
        "{}",
    ],
    ids=["text", "numbers", "a zero", "empty"],
)
async def test_what_is_stored_as_json_comes_back_to_the_byte(lane: Lane, text: str) -> None:
    start, outcome = await lane.started(), an_outcome(reply=text, events=f"[{text}]")
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(start, outcome=outcome, journal=f"[{text}]")])
        found = await transaction.find_commands([start.row_id])
    assert found[start.row_id].outcome == outcome


async def test_a_command_without_a_reply_ends_without_one(lane: Lane) -> None:
    start = await lane.started(reply_route=None)
    outcome = an_outcome(reply=None)
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(start, outcome=outcome)])
        found = await transaction.find_commands([start.row_id])
    assert found[start.row_id].outcome == outcome


async def test_abandoned_are_those_started_long_ago_that_did_not_end(lane: Lane) -> None:
    old = await lane.started(decided=NOW - timedelta(hours=2))
    older = await lane.started(decided=NOW - timedelta(hours=3))
    ended = await lane.started(decided=NOW - timedelta(hours=2))
    await lane.started(decided=NOW)
    await lane.started(
        decided=NOW - timedelta(hours=2), coordinates=coordinates(topic="another.topic")
    )
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(ended)])
    before = NOW - timedelta(hours=1)
    due = lane.database.due
    assert await due.abandoned(TOPIC, before, 10) == [
        Abandoned(older.row_id, PARTITION),
        Abandoned(old.row_id, PARTITION),
    ]
    assert await due.abandoned(TOPIC, before, 1) == [Abandoned(older.row_id, PARTITION)]


async def test_an_end_that_is_put_aside_stays_and_its_command_can_start_anew(lane: Lane) -> None:
    start, retired = await lane.started(), uuid4()
    async with lane.transaction() as transaction:
        await transaction.record([a_recording(start)])
    anew = replace(start, run=1, coordinates=coordinates(offset=80))
    async with lane.transaction() as transaction:
        await transaction.retire_ends({start.row_id: retired})
        assert await transaction.start([anew]) == {start.row_id}
    async with lane.transaction() as transaction:
        found = await transaction.find_commands([start.row_id, retired])
    assert found == {
        start.row_id: KnownCommand(anew, None, ()),
        retired: KnownCommand(replace(start, row_id=retired), an_outcome(), ()),
    }
