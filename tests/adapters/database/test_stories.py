"""What `booking why` finds by a command that was put back: both runs, and what stands of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.database.database import open_database
from adapters.database.settings import DatabaseSettings
from adapters.database.stories import open_stories
from domain.outcome import Claims, StatusChange
from domain.undo import ReleaseOwed, Undo
from handlers.ports import BookingWrite
from tests.adapters.database.lane import (
    Lane,
    a_recording,
    a_start,
    an_outcome,
    another_booking,
    coordinates,
    record,
)
from tests.adapters.database.sealing import KEYS
from tests.builders import VENUE_ID


@pytest.fixture(params=["postgresql_url", "sqlite_url"])
def settings(request: pytest.FixtureRequest) -> DatabaseSettings:
    url: str = request.getfixturevalue(request.param)
    return DatabaseSettings(url)


async def test_a_create_that_was_put_back_has_the_story_of_both_runs(
    settings: DatabaseSettings,
) -> None:
    booking, failed_id = another_booking(), uuid4()
    failed = a_start(booking_id=failed_id, command_id=uuid4(), run=0)
    owed = Undo(uuid4(), failed_id, VENUE_ID, ReleaseOwed("key", "BR-1", "res-1"))
    anew = replace(
        failed,
        run=1,
        booking_id=booking.id,
        decided=failed.decided + timedelta(hours=1),
        coordinates=coordinates(offset=80),
    )
    created = BookingWrite(
        booking, StatusChange(None, booking.status, "admin:a", None), Claims.KEEP, None
    )
    database = open_database(settings, KEYS)
    lane = await Lane.opened(database)
    async with lane.transaction() as transaction:
        await transaction.start([failed])
        end = an_outcome(status=500, code="internal_error")
        await record(transaction, [a_recording(failed, outcome=end, owed=(owed,))])
    async with lane.transaction() as transaction:
        await transaction.retire_ends({failed.row_id: uuid4()})
        await transaction.start([anew])
        await record(transaction, [a_recording(anew, write=created)])
    await database.close()
    async with open_stories(settings, KEYS) as stories:
        story = await stories.about(str(failed.command_id))
        other = await stories.about(str(uuid4()))
    assert story is not None
    assert story.booking == booking
    assert [each.start.run for each in story.commands] == [0, 1]
    assert [each.id for each in story.undo] == [owed.id]
    assert other is None
