"""A worker whose clock is months ahead: what goes is decided by the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.database.database import open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from domain.retention import Keeping
from handlers.retention import Retiring
from tests.adapters.database.lane import Lane
from tests.adapters.database.migrated import url_of
from tests.adapters.database.retiring import booked, ended
from tests.adapters.database.sealing import KEYS

DAY = timedelta(days=1)
KEEPING = Keeping(commands=90 * DAY, bookings=90 * DAY)


async def test_it_takes_nothing_whose_time_is_not_over(fresh_url: str) -> None:
    """Or a repeat of what was done today would be told that its outcome is gone, and the partition,
    which nobody may drop yet, would bring the worker down.
    """
    database = open_database(DatabaseSettings(url_of(fresh_url, Role.WORKER)), KEYS)
    lane, now = await Lane.opened(database), datetime.now(UTC)
    today = [await ended(lane, now - each * DAY) for each in (0, 40)]
    old = await ended(lane, now - 200 * DAY)
    booking_id = await booked(lane, at=now - 40 * DAY)
    retiring = Retiring(database.retention, KEEPING)
    for minute in range(20):
        await retiring.retire(now + 120 * DAY + timedelta(minutes=minute))
    async with lane.transaction() as transaction:
        known = await transaction.find_commands([each.row_id for each in (*today, old)])
        assert known.keys() >= {each.row_id for each in today}
        assert (await transaction.find_bookings([booking_id])).keys() == {booking_id}
    await database.close()
