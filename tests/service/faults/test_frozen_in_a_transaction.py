"""A worker freezes in the middle of a transaction, with its lanes' epochs locked and rows written.

Its session ends; whoever takes over has to get past that lock, and the frozen one, woken, must not
change anything any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.faults.ways import connections
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.story import story_of
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COMMANDS = 40  # enough that both workers have some
# Session 3 s, patience with the transaction 5 s, perhaps one lock timeout of 10 s, and the work.
# Without that patience it would never end, so a slow machine may take its time.
TAKEN_OVER_WITHIN_SECONDS = 90.0

WRITING = "query like 'insert into outcomes %'"


@pytest_asyncio.fixture(loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Two workers with one connection each: the first use of a statement there is another
    conversation than the later ones, and a test has to know which it meets.
    """
    settings = {"BOOKING_DATABASE__POOL_SIZE": "1"}
    async with a_house(kafka, postgres, workers=2, settings=settings) as running:
        await running.has_members(2)
        yield running


async def test_whoever_takes_over_gets_past_its_lock_and_it_changes_nothing_any_more(
    house: House,
) -> None:
    await asyncio.gather(*(book(house, a_guest()) for _ in range(COMMANDS)))
    sent = await frozen_while_it_writes(house, "state = 'idle in transaction'")
    await taken_over_for_good(house, sent)


async def test_a_statement_that_was_prepared_and_not_run_is_got_past_too(house: House) -> None:
    """To the server this one is not idle, so that its own timeout overlooks it."""
    sent = await frozen_while_it_writes(house, "state = 'active' and wait_event = 'ClientRead'")
    await taken_over_for_good(house, sent)


async def frozen_while_it_writes(house: House, then: str) -> Sequence[Sent]:
    """Commands of which the first worker was frozen with some in a transaction that records
    outcomes: the lock on its lanes is held, nothing is committed. `then` is what its connection
    comes to when the server has answered and hears no more.
    """
    async with house.database.acquire() as connection, connection.transaction():
        await connection.execute("lock table outcomes in share mode")
        sent = [
            await house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(COMMANDS)
        ]

        async def both_wait() -> bool:
            return await connections(house, f"wait_event_type = 'Lock' and {WRITING}") == 2

        await until(both_wait)
        house.workers[0].freeze()

    async def is_held() -> bool:
        return await connections(house, f"{then} and {WRITING}") > 0

    await until(is_held)
    return sent


async def taken_over_for_good(house: House, sent: Sequence[Sent]) -> None:
    """Demand that the other one does everything, and that the frozen one, woken, does nothing."""
    frozen, _ = house.workers
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
    await asyncio.gather(*(book(house, a_guest()) for _ in range(COMMANDS)))
    await check(house)
