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
# Session 3 s, patience with the transaction 5 s, perhaps one lock timeout of 10 s, and the work.
# Without that patience it would never end.
TAKEN_OVER_WITHIN_SECONDS = 45.0


@pytest_asyncio.fixture(loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """One worker, so that it is known who will hold the transaction, and through which connection:
    the first use of a statement there is another conversation than the later ones.
    """
    settings = {"BOOKING_DATABASE__POOL_SIZE": "1"}
    async with a_house(kafka, postgres, settings=settings) as running:
        yield running


@pytest.mark.parametrize("table", ["commands", "outcomes"])
async def test_whoever_takes_over_gets_past_its_lock_and_it_changes_nothing_any_more(
    house: House, table: str
) -> None:
    await book(house, a_guest())
    sent = await frozen_while_it_writes(house, table, "state = 'idle in transaction'")
    await taken_over_for_good(house, sent)


async def test_a_statement_that_was_prepared_and_not_run_is_got_past_too(house: House) -> None:
    """To the server this one is not idle, so that its own timeout overlooks it."""
    sent = await frozen_while_it_writes(
        house, "outcomes", "state = 'active' and wait_event = 'ClientRead'"
    )
    await taken_over_for_good(house, sent)


async def taken_over_for_good(house: House, sent: Sequence[Sent]) -> None:
    """Demand that the next worker does everything, and that the frozen one, woken, does nothing."""
    (frozen,) = house.workers
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


async def frozen_while_it_writes(house: House, table: str, then: str) -> Sequence[Sent]:
    """Commands whose worker was frozen in the transaction that writes to this table: the lock on
    its lanes is held, nothing is committed. `then` is what its connection comes to, unheard.
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
    # The server does what had to wait, answers, and hears no more.
    await until(lambda: is_there(house, f"{then} and query like {writing}"))
    return sent


async def is_there(house: House, backend: str) -> bool:
    """Whether the server has such a connection."""
    return bool(
        await house.rows(
            "select from pg_stat_activity where datname = current_database()"
            f" and application_name = 'booking-worker' and {backend}"
        )
    )
