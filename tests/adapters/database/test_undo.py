"""What is owed stands until it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.undo import Owed, RefundMade, RefundOwed, ReleaseOwed, RestoreReservation, Undo
from handlers.ports import DueUndo, Owing, UndoAgain
from tests.adapters.database.lane import Lane, a_recording
from tests.builders import NOW, VENUE_ID, eur

RELEASE = ReleaseOwed("key-1", "BR-20260602-ABCDEFGH", None)


def an_undo(owed: Owed = RELEASE) -> Undo:
    return Undo(uuid4(), uuid4(), VENUE_ID, owed)


async def owe(lane: Lane, *undo: Undo) -> None:
    recording = a_recording(await lane.started(), owed=undo)
    async with lane.transaction() as transaction:
        await transaction.record([recording])


@pytest.mark.parametrize(
    "owed",
    [
        RELEASE,
        RefundOwed("key-2", "pi_1", eur("12.50"), "cancelled"),
        RefundMade("key-3", "pi_1", eur("12.50")),
        RestoreReservation("k", "r"),
    ],
)
async def test_what_is_owed_comes_back_as_it_was(lane: Lane, owed: Owed) -> None:
    undo = an_undo(owed)
    await owe(lane, undo)
    async with lane.transaction() as transaction:
        assert await transaction.find_undo([undo.id, uuid4()]) == {undo.id: undo}


async def test_it_is_due_at_once(lane: Lane) -> None:
    undo = an_undo()
    await owe(lane, undo)
    due = lane.database.due
    assert await due.due_undo(NOW, 10) == []
    found = await due.due_undo(NOW + timedelta(microseconds=1), 10)
    assert found == [DueUndo(undo.id, undo.booking_id, VENUE_ID, 0)]


async def test_what_failed_is_due_later_under_its_next_number(lane: Lane) -> None:
    undo, other = an_undo(), an_undo()
    await owe(lane, undo, other)
    later = NOW + timedelta(minutes=1)
    again = UndoAgain(undo.id, 1, later, "inventory is away")
    recording = a_recording(await lane.started(), undo_again=again)
    async with lane.transaction() as transaction:
        await transaction.record([recording])
        assert (await transaction.find_undo([undo.id]))[undo.id] == replace(undo, attempt=1)
    due = await lane.database.due.due_undo(later, 10)
    assert [each.undo_id for each in due] == [other.id]
    due = await lane.database.due.due_undo(later + timedelta(seconds=1), 10)
    assert [(each.undo_id, each.attempt) for each in due] == [(other.id, 0), (undo.id, 1)]


async def test_what_is_done_is_owed_no_longer(lane: Lane) -> None:
    undo = an_undo()
    await owe(lane, undo)
    recording = a_recording(await lane.started(), undo_done=undo.id)
    async with lane.transaction() as transaction:
        await transaction.record([recording])
        assert await transaction.find_undo([undo.id]) == {}
    assert await lane.database.due.due_undo(NOW + timedelta(days=1), 10) == []


async def test_what_is_owed_already_is_not_owed_twice(lane: Lane) -> None:
    undo = an_undo()
    await owe(lane, undo)
    await owe(lane, undo)
    assert len(await lane.database.due.due_undo(NOW + timedelta(days=1), 10)) == 1


async def test_how_much_is_owed_and_since_when(lane: Lane) -> None:
    assert await lane.database.due.owing(10) == Owing(0, None)
    settled = an_undo()
    await owe(lane, settled, an_undo(), an_undo())
    recording = a_recording(await lane.started(), undo_done=settled.id)
    async with lane.transaction() as transaction:
        await transaction.record([recording])
    assert await lane.database.due.owing(10) == Owing(2, NOW)
    assert (await lane.database.due.owing(1)).count == 1
