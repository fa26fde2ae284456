"""What operators look up before they put commands back, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.database.database import Database, open_database
from adapters.database.pasts import open_pasts
from adapters.database.settings import DatabaseSettings
from domain.booking import Booking
from domain.outcome import Claims, StatusChange
from domain.undo import ReleaseOwed, Undo
from handlers.ports import BookingWrite, KnownCommand, Later, Start
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


async def written(database: Database, *rows: tuple[Start, dict[str, Any]]) -> None:
    lane = await Lane.opened(database)
    async with lane.transaction() as transaction:
        await transaction.start(sorted((start for start, _ in rows), key=lambda s: s.row_id))
        await record(transaction, [a_recording(start, **fields) for start, fields in rows])


def creating(booking: Booking) -> BookingWrite:
    change = StatusChange(None, booking.status, "admin:a", None)
    return BookingWrite(booking, change, Claims.KEEP, None)


def sent_at(ms: int, booking_id: UUID, **fields: Any) -> Start:
    here = coordinates(offset=ms)
    return a_start(
        coordinates=here, origin=replace(here, timestamp_ms=ms), booking_id=booking_id, **fields
    )


async def test_what_was_done_at_a_venue_since_is_told_in_its_order(
    settings: DatabaseSettings,
) -> None:
    database = open_database(settings, KEYS)
    ours, elsewhere = another_booking(), another_booking()
    elsewhere = replace(elsewhere, venue=replace(elsewhere.venue, id=uuid4()))
    refused = {"outcome": an_outcome(status=409, code="version_conflict")}
    await written(
        database,
        (sent_at(10, ours.id), {"write": creating(ours)}),
        (sent_at(11, elsewhere.id), {"write": creating(elsewhere)}),
        (sent_at(13, ours.id, operation="cancel_booking"), {}),
        (sent_at(12, ours.id, operation="update_booking"), {}),
        (sent_at(14, ours.id, operation="update_booking"), refused),
        (sent_at(15, ours.id, operation="settle_undo"), {}),
        (sent_at(16, ours.id), {"outcome": replace(an_outcome(), replayed_from=uuid4())}),
    )
    await database.close()
    async with open_pasts(settings, KEYS) as pasts:
        assert await pasts.later(VENUE_ID, 10) == [
            Later(ours.id, "update_booking"),
            Later(ours.id, "cancel_booking"),
        ]
        assert await pasts.venues([ours.id, elsewhere.id, uuid4()]) == {
            ours.id: VENUE_ID,
            elsewhere.id: elsewhere.venue.id,
        }


async def test_commands_are_found_by_id_and_by_place_and_debts_are_counted(
    settings: DatabaseSettings,
) -> None:
    database = open_database(settings, KEYS)
    start = a_start()
    assert start.booking_id is not None
    owed = (Undo(uuid4(), start.booking_id, VENUE_ID, ReleaseOwed("key", "BR-1", "res-1")),)
    await written(database, (start, {"owed": owed}))
    await database.close()
    ended = KnownCommand(start, an_outcome(), ())
    async with open_pasts(settings, KEYS) as pasts:
        assert await pasts.known([start.row_id, uuid4()]) == {start.row_id: ended}
        nowhere = replace(start.coordinates, timestamp_ms=1)
        assert await pasts.known_at([start.coordinates, nowhere]) == {start.coordinates: ended}
        assert await pasts.open_undo([start.booking_id, uuid4()]) == {start.booking_id: 1}
        assert await pasts.known([]) == {}


async def test_of_as_many_as_a_bad_night_leaves(settings: DatabaseSettings) -> None:
    database = open_database(settings, KEYS)
    start = a_start()
    assert start.booking_id is not None
    owed = (Undo(uuid4(), start.booking_id, VENUE_ID, ReleaseOwed("key", "BR-1", "res-1")),)
    await written(database, (start, {"owed": owed}))
    await database.close()
    many = [start.booking_id, *(UUID(int=n) for n in range(40_000))]
    async with open_pasts(settings, KEYS) as pasts:
        assert await pasts.open_undo(many) == {start.booking_id: 1}
        assert await pasts.venues(many) == {}
