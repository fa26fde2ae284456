"""A worker freezes in the middle of a transaction, with its lane's epoch locked and rows written.

Its session ends; whoever takes over has to get past that lock, and the frozen one, woken, must not
change anything any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.story import story_of
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COMMANDS = 5
# Session 3 s, the server's patience with an idle transaction 5 s, and the work itself. Without the
# server's patience it would never end.
TAKEN_OVER_WITHIN_SECONDS = 30.0


@pytest_asyncio.fixture(loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """One worker, so that it is known who will hold the transaction."""
    async with a_house(kafka, postgres) as running:
        await book(running, a_guest())
        yield running


@pytest.mark.parametrize("table", ["commands", "outcomes"])
async def test_whoever_takes_over_gets_past_its_lock_and_it_changes_nothing_any_more(
    house: House, table: str
) -> None:
    (frozen,) = house.workers
    sent = await held_in_a_transaction(house, table)
    house.new_worker().start()
    try:
        replies = [
            await house.client.reply_to_sent(each, within_seconds=TAKEN_OVER_WITHIN_SECONDS)
            for each in sent
        ]
        assert {reply.status for reply in replies} == {201}
        before = await story_of(house)
    finally:
        frozen.wake()
    # It joins again only when the batch that it had in hand has come to its end.
    await house.has_members(2)
    assert replace(await story_of(house), logs="") == replace(before, logs="")
    assert frozen.lives
    # And it is of use again: with two members, half of the lanes are its own.
    for _ in range(COMMANDS):
        await book(house, a_guest())
    await check(house)


async def held_in_a_transaction(house: House, table: str) -> Sequence[Sent]:
    """Commands whose worker was frozen in the transaction that writes to this table: its statement
    has been carried out, the lock on its lanes is held, nothing is committed.
    """
    (worker,) = house.workers
    writing = f"'insert into {table} %'"
    async with house.database.acquire() as connection, connection.transaction():
        await connection.execute(f"lock table {table} in share mode")
        sent = [
            await house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(COMMANDS)
        ]
        await until(lambda: is_there(house, f"wait_event_type = 'Lock' and query like {writing}"))
        worker.freeze()
    # The server carries out what waited, and hears no more.
    await until(lambda: is_there(house, f"state = 'idle in transaction' and query like {writing}"))
    return sent


async def is_there(house: House, backend: str) -> bool:
    """Whether the server has such a connection."""
    return bool(
        await house.rows(
            "select from pg_stat_activity where datname = current_database()"
            f" and application_name = 'booking-worker' and {backend}"
        )
    )
