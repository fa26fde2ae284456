"""A real standby: near enough it answers, behind or gone it costs nobody an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from unittest.mock import patch

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from adapters.database import standby as standby_module
from adapters.database.database import Database, open_database
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from app.local_servers import PostgresServer
from domain.queries import Listing
from handlers.ports import DatabaseAway, VenuePage
from schemas.measures import REPLICA_READS
from tests.adapters.database.lane import Lane, another_booking
from tests.adapters.database.migrated import migrated, url_of
from tests.adapters.database.sealing import KEYS
from tests.builders import VENUE_ID
from tests.handlers.onlookers import Onlookers, words
from tests.servers.standby import Pair, pair_running
from tests.service.waiting import until


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pair_running() as running:
        yield running


@pytest.fixture(scope="module")
def migrated_url(pair: Pair) -> Iterator[str]:
    with migrated(pair.primary) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Opened:
    """With a replica, and who answered what."""

    database: Database
    lane: Lane
    onlookers: Onlookers

    def by_replica(self) -> float:
        """How many questions it has answered so far."""
        return self.onlookers.values(REPLICA_READS).get(words(answered_by="replica"), 0)

    async def is_asked(self) -> bool:
        """Whether a question goes to the replica now."""
        before = self.by_replica()
        await self.database.reads.pages([VenuePage(VENUE_ID, Listing())])
        return self.by_replica() > before

    async def is_not_asked(self) -> bool:
        return not await self.is_asked()


@pytest.fixture
async def opened(pair: Pair, postgresql_url: str) -> AsyncIterator[Opened]:
    async with with_replica(pair, postgresql_url, lag_seconds=60) as found:
        yield found


class with_replica:  # noqa: N801 - used like a function
    """A worker's database with the pair's standby for its replica, until the block ends."""

    def __init__(self, pair: Pair, url: str, lag_seconds: float, replica: str = "") -> None:
        url = url_of(url, Role.WORKER)
        self._settings = DatabaseSettings(
            url,
            replica_url=replica or pair.on_standby(url),
            replica_lag_seconds=lag_seconds,
        )
        self._pair = pair

    async def __aenter__(self) -> Opened:
        onlookers = Onlookers()
        self._database = open_database(self._settings, KEYS, onlookers.meter)
        await until(self._pair.caught_up)
        return Opened(self._database, await Lane.opened(self._database), onlookers)

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()


async def test_what_was_written_is_read_from_the_standby(pair: Pair, opened: Opened) -> None:
    booking = another_booking()
    await opened.lane.recorded(booking)
    await until(pair.caught_up)
    await until(opened.is_asked)
    before = opened.by_replica()
    assert await opened.database.reads.bookings([booking.id]) == {booking.id: booking}
    by_reference = await opened.database.reads.bookings_by_reference([booking.reference])
    assert by_reference == {booking.reference: booking}
    assert opened.by_replica() == before + 2


async def test_behind_the_primary_nobody_gets_less_than_he_knows(
    pair: Pair, opened: Opened
) -> None:
    booking, late = another_booking(), another_booking()
    changed = replace(booking, version=2, party_size=7)
    await opened.lane.recorded(booking)
    await until(pair.caught_up)
    await until(opened.is_asked)
    async with pair.held_back():
        await opened.lane.recorded(changed)
        await opened.lane.recorded(late)
        reads = opened.database.reads
        assert await reads.bookings([booking.id]) == {booking.id: booking}
        assert await reads.bookings([booking.id], {booking.id: 2}) == {booking.id: changed}
        assert await reads.bookings([late.id]) == {late.id: late}
    await until(pair.caught_up)
    assert await reads.bookings([booking.id]) == {booking.id: changed}


async def test_too_far_behind_it_is_left_alone_until_it_has_caught_up(
    pair: Pair, postgresql_url: str
) -> None:
    async with with_replica(pair, postgresql_url, lag_seconds=1) as opened:
        await until(opened.is_asked)
        async with pair.held_back():
            await opened.lane.recorded(another_booking())
            await until(opened.is_not_asked)
        await until(opened.is_asked)


async def test_a_standby_that_is_killed_costs_no_answer(pair: Pair, opened: Opened) -> None:
    booking = another_booking()
    await opened.lane.recorded(booking)
    await until(pair.caught_up)
    await until(opened.is_asked)
    await asyncio.to_thread(pair.standby.kill)
    try:
        for _ in range(3):
            assert await opened.database.reads.bookings([booking.id]) == {booking.id: booking}
        assert await opened.is_not_asked()
    finally:
        await asyncio.to_thread(pair.standby.start)
    await until(opened.is_asked)


async def test_who_is_no_standby_of_this_database_is_never_asked(
    pair: Pair, postgresql_url: str, postgres: PostgresServer
) -> None:
    """The primary itself, and a database that only looks alike."""
    for url in (url_of(postgresql_url, Role.WORKER), postgres.url):
        async with with_replica(pair, postgresql_url, 60, replica=url) as opened:
            assert await opened.is_not_asked()
            await opened.database.reads._looking  # type: ignore[attr-defined]
            assert await opened.is_not_asked()


async def test_a_seldom_asked_standby_is_judged_by_a_fresh_look(pair: Pair, opened: Opened) -> None:
    """Its lag is told from notes; one of a minute ago says nothing of now."""
    await opened.lane.recorded(another_booking())
    standby = opened.database.reads._standby  # type: ignore[attr-defined]
    standby._lag.behind(standby._clock() - 120, 1, 1)
    await opened.lane.recorded(another_booking())
    assert await standby.unfit() is None


async def test_a_standby_that_has_more_than_its_primary_is_no_copy_of_it(
    pair: Pair, opened: Opened
) -> None:
    """As after a primary was restored from a backup, or another took over and lost something."""
    sql = str(standby_module._PRIMARY)
    restored = text(sql.replace("pg_current_wal_lsn()", "'0/100'::pg_lsn"))
    standby = opened.database.reads._standby  # type: ignore[attr-defined]
    with patch.object(standby_module, "_PRIMARY", restored):
        reason = await standby.unfit()
    assert reason is not None
    assert "no copy of this database any more" in reason


async def test_a_refusal_names_the_replica_s_setting(pair: Pair, postgresql_url: str) -> None:
    wrong = pair.on_standby(url_of(postgresql_url, Role.WORKER)).replace(":rights@", ":wrong@")
    async with with_replica(pair, postgresql_url, 60, replica=wrong) as opened:
        with capture_logs() as logs:
            await opened.is_asked()
            await opened.database.reads._looking  # type: ignore[attr-defined]
    (line,) = logs
    assert "with this password (BOOKING_DATABASE__REPLICA_URL)" in line["reason"]


async def test_without_the_primary_nothing_is_answered(pair: Pair, opened: Opened) -> None:
    """What is missing at the standby could be there, so an answer would be a guess."""
    await until(pair.caught_up)
    await until(opened.is_asked)
    await asyncio.to_thread(pair.primary.kill)
    try:
        with pytest.raises(DatabaseAway):
            await opened.database.reads.bookings([another_booking().id])
    finally:
        await asyncio.to_thread(pair.primary.start)
