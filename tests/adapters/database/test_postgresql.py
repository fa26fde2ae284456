"""What only PostgreSQL can show: real waiting, real races, and who wins them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.database.database import Database, open_database
from adapters.database.documents import Documents
from adapters.database.pages import Pages, questions
from adapters.database.settings import DatabaseSettings
from domain.lifecycle import Status
from domain.outcome import Claims
from domain.queries import Listing
from domain.undo import RestoreReservation, Undo
from handlers.audit import Auditor
from handlers.ports import BookingWrite, DatabaseAway, GuestPage, Page, VenuePage
from tests.adapters.database.lane import (
    PARTITION,
    TOPIC,
    Lane,
    a_claim,
    a_key,
    a_recording,
    a_start,
    another_booking,
    record,
)
from tests.adapters.database.sealing import KEYS
from tests.adapters.database.test_audit import BARE, FULL
from tests.builders import GUEST_ID, NOW, VENUE_ID
from tests.handlers.world import AUDIT_KEYS


@pytest.fixture
async def engine(postgresql_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgresql_url)
    yield engine
    await engine.dispose()


async def both_claim_before_either_commits(database: Database) -> list[bool]:
    """Two lanes that, whatever Kafka did, both hold the venue; each claims the same table."""
    lanes = [
        Lane(database, (await database.lanes.open_lane(topic, PARTITION)).epoch)
        for topic in ("a", "b")
    ]
    claimed = asyncio.Barrier(2)

    async def claim(topic: str, lane: Lane) -> bool:
        epochs = {PARTITION: lane.epoch}
        async with database.lanes.transaction(topic, epochs) as transaction:
            asking = asyncio.create_task(transaction.claim([(a_start().row_id, a_claim())]))
            # The one that waits for the other gets its answer when the other has committed.
            await asyncio.wait([asking], timeout=0.3)
            await claimed.wait()
            (answer,) = await asking
            return type(answer).__name__ == "Claimed"

    return list(await asyncio.gather(*map(claim, ("a", "b"), lanes)))


async def test_of_two_transactions_that_claim_one_table_only_one_gets_it(
    postgresql: Database,
) -> None:
    assert sorted(await both_claim_before_either_commits(postgresql)) == [False, True]


async def test_without_the_constraint_both_would_get_it(
    postgresql: Database, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        definition = await connection.scalar(
            text("select pg_get_constraintdef(oid) from pg_constraint where conname = :name"),
            {"name": "claims_do_not_overlap"},
        )
        await connection.execute(text("alter table claims drop constraint claims_do_not_overlap"))
    try:
        assert await both_claim_before_either_commits(postgresql) == [True, True]
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("delete from claims"))
            await connection.execute(
                text(f"alter table claims add constraint claims_do_not_overlap {definition}")
            )


async def test_the_constraint_refuses_what_goes_round_the_claims(
    postgresql_lane: Lane, engine: AsyncEngine
) -> None:
    await postgresql_lane.claimed(a_claim())
    double = text(
        "insert into claims select gen_random_uuid(), part, row_id, booking_id, venue_id, item,"
        " starts_at, ends_at, textrange(null, null), during from claims"
    )
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="claims_do_not_overlap"):
            await connection.execute(double)


async def test_a_reader_does_not_wait_for_a_writer(postgresql_lane: Lane) -> None:
    booking_id = a_start().row_id
    async with postgresql_lane.transaction() as transaction:
        await transaction.claim([(a_start().row_id, a_claim())])
        async with asyncio.timeout(2):
            assert await postgresql_lane.database.reads.bookings([booking_id]) == {}


async def test_readers_cannot_write(postgresql: Database) -> None:
    reading = postgresql._engines[1]
    async with reading.connect() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(text("delete from claims"))


async def test_two_lanes_that_start_the_same_commands_do_not_deadlock(
    postgresql: Database,
) -> None:
    """Each in its own order; whoever waits, waits for the one that is ahead in the sorted one."""
    starts = [a_start() for _ in range(50)]
    epochs = {topic: (await postgresql.lanes.open_lane(topic, 1)).epoch for topic in ("a", "b")}

    async def start_all(topic: str, step: int) -> int:
        async with postgresql.lanes.transaction(topic, {1: epochs[topic]}) as transaction:
            return len(await transaction.start(starts[::step]))

    for _ in range(5):
        assert sum(await asyncio.gather(start_all("a", 1), start_all("b", -1))) in (0, 50)


async def test_whoever_ends_commands_and_whoever_meets_their_keys_do_not_deadlock(
    postgresql: Database, engine: AsyncEngine
) -> None:
    """Keys first and in their order, then the commands that have them."""
    lane = await Lane.opened(postgresql)
    other = await postgresql.lanes.open_lane("other", 1)
    keys = sorted((a_key() for _ in range(300)), key=lambda key: key.key_id.int)
    starts = [a_start(row_id=key.row_id) for key in keys]
    ending = [
        a_recording(start, release_key=key.key_id)
        for start, key in zip(starts[::-1], keys[::-1], strict=True)
    ]
    async with lane.transaction() as transaction:
        await transaction.start(starts)
        for key in reversed(keys):  # so that they lie in the table the other way round
            await transaction.take_keys([key])
    async with engine.begin() as connection:  # now a DELETE by itself would take them as they lie
        await connection.execute(text("analyze idempotency_keys"))
    has_some = asyncio.Event()

    async def end() -> None:
        await has_some.wait()
        async with lane.transaction() as transaction:
            await transaction.record(ending)

    async def meet() -> None:
        async with postgresql.lanes.transaction("other", {1: other.epoch}) as transaction:
            await transaction.take_keys([replace(key, row_id=uuid4()) for key in keys[:100]])
            has_some.set()
            await asyncio.sleep(0.2)
            await transaction.take_keys([replace(key, row_id=uuid4()) for key in keys[100:]])
            await transaction.adopt({key.row_id: starts[0].coordinates for key in keys})

    await asyncio.gather(end(), meet())


async def test_a_key_that_is_being_released_has_a_holder_or_is_free(postgresql: Database) -> None:
    """The loser waits for the one that has the key, and then knows."""
    key = a_key()
    epochs = {topic: (await postgresql.lanes.open_lane(topic, 1)).epoch for topic in ("a", "b")}

    async def take(topic: str) -> Any:
        async with postgresql.lanes.transaction(topic, {1: epochs[topic]}) as transaction:
            return (await transaction.take_keys([key]))[key.key_id].row_id

    assert set(await asyncio.gather(take("a"), take("b"))) == {key.row_id}


async def test_a_frozen_worker_loses_its_transaction(postgresql_url: str) -> None:
    """Its successor waits for the epoch's row five seconds and no longer."""
    frozen, successor = (open_database(DatabaseSettings(postgresql_url), KEYS) for _ in range(2))
    epoch = (await frozen.lanes.open_lane(TOPIC, PARTITION)).epoch
    start = a_start()

    async def freeze() -> None:
        async with frozen.lanes.transaction(TOPIC, {PARTITION: epoch}) as transaction:
            assert not transaction.lost
            async with asyncio.timeout(9):
                await successor.lanes.open_lane(TOPIC, PARTITION)
            await transaction.start([start])

    try:
        with pytest.raises(DatabaseAway):
            await freeze()
        async with successor.lanes.transaction(TOPIC, {PARTITION: epoch + 1}) as transaction:
            assert not transaction.lost
            assert await transaction.find_commands([start.row_id]) == {}
    finally:
        await frozen.close()
        await successor.close()


# --- what the indexes are for ---


async def explained(engine: AsyncEngine, query: Any) -> str:
    compiled = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    async with engine.connect() as connection:
        await connection.execute(text("set enable_seqscan = off"))  # an empty table needs no index
        await connection.execute(text("set enable_bitmapscan = off"))
        rows = await connection.execute(
            text(f"explain {str(compiled).replace(':', chr(92) + ':')}")
        )
        return "\n".join(row[0] for row in rows)


async def read_whole(engine: AsyncEngine) -> dict[str, int]:
    """How often each table was read from end to end, by connections that are closed."""
    query = text("select relname, seq_scan from pg_stat_user_tables where relname <> 'lanes'")
    async with engine.connect() as connection:
        await connection.execute(text("select pg_stat_clear_snapshot()"))
        return {row.relname: row.seq_scan for row in await connection.execute(query)}


async def test_no_lane_reads_a_table_from_end_to_end(
    postgresql_url: str, engine: AsyncEngine
) -> None:
    """Not even while the planner believes the tables empty."""
    before = await read_whole(engine)
    database = open_database(DatabaseSettings(postgresql_url), KEYS)
    lane = await Lane.opened(database)
    booking, undo = another_booking(), Undo(uuid4(), uuid4(), VENUE_ID, RestoreReservation("", ""))
    for _ in range(7):  # more often than the server makes a plan anew
        start, held = await lane.started(), a_claim(booking_id=booking.id)
        async with lane.transaction() as transaction:
            await transaction.find_bookings([booking.id])
            await transaction.find_commands([start.row_id])
            await transaction.find_retired([start.row_id])
            await transaction.find_by_coordinates([start.coordinates])
            await transaction.adopt({start.row_id: start.coordinates})
            for _ in range(2):
                await transaction.take_keys([a_key(key_id=booking.id)])
                await transaction.take_references({booking.id: booking.reference})
            await transaction.claim([(start.row_id, held), (start.row_id, a_claim())])
            await transaction.find_undo([undo.id])
            write = BookingWrite(booking, None, Claims.FREE, None)
            recording = a_recording(
                start,
                write=write,
                drop_claims=True,
                release_key=booking.id,
                lies_at=start.coordinates,
                owed=(undo,),
            )
            await record(transaction, [replace(recording, undo_done=undo.id)])
            await Auditor(AUDIT_KEYS).append(transaction, [FULL, BARE])
        booking = replace(booking, version=booking.version + 1)
        await database.reads.bookings([booking.id])
        await database.reads.bookings_by_reference([booking.reference])
        await database.reads.histories([booking.id])
        listing = Listing(status=Status.PENDING)
        await database.reads.pages([GuestPage(GUEST_ID, listing), VenuePage(VENUE_ID, listing)])
        await database.reads.pages([VenuePage(VENUE_ID, Listing())])
    await database.close()
    assert await read_whole(engine) == before


@pytest.mark.parametrize(
    ("page", "index"),
    [
        (GuestPage(GUEST_ID, Listing(100)), "bookings_by_guest"),
        (GuestPage(GUEST_ID, Listing(100), frozenset({VENUE_ID})), "bookings_by_guest"),
        (VenuePage(VENUE_ID, Listing(100)), "bookings_by_venue"),
        (VenuePage(VENUE_ID, Listing(100, (NOW, VENUE_ID))), "bookings_by_venue"),
        (VenuePage(VENUE_ID, Listing(100, status=Status.PENDING)), "bookings_by_venue_status"),
    ],
)
async def test_a_page_is_read_in_its_order_from_an_index(
    engine: AsyncEngine, page: Page, index: str
) -> None:
    documents = Documents(engine.dialect)
    ((statement, pages),) = Pages(documents).statements([page])
    bound = statement.bindparams(rows=documents.dump(questions(pages)))
    plan = await explained(engine, bound)
    _, _, of_one = plan.partition("Limit")
    assert f"using {index} " in of_one
    assert "Sort" not in of_one
