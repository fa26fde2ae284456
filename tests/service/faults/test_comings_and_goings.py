"""Workers come and go without pause, in good order and killed, while guests come and stay."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import move
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.feed import header
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

GOINGS: Final = 4
A_GUEST_EVERY_SECONDS: Final = 0.1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres, workers=3) as running:
        await running.has_members(3)
        yield running


async def test_while_workers_come_and_go_everything_is_answered_once(house: House) -> None:
    changing = asyncio.create_task(comings_and_goings(house))
    guests: list[asyncio.Task[set[int]]] = []
    while not changing.done():
        guests.append(asyncio.create_task(stay(house, is_kept=len(guests) % 3 > 0)))
        await asyncio.sleep(A_GUEST_EVERY_SECONDS)  # a load, not a wait
    assert set(await changing) == {0}, "who was asked to stop did so in good order"
    statuses = [await guest for guest in guests]
    assert {status for of_one in statuses for status in of_one} == {200, 201}
    story = await check(house)
    assert any(header(record, "service-origin") for record in story.commands), "none was forwarded"


async def comings_and_goings(house: House) -> list[int]:
    """For every worker that comes the oldest goes, asked and killed in turn, and nobody waits for
    the group to agree. Gives the exit codes of those that were asked.
    """
    staff = deque(house.workers)
    leaving = []
    for number in range(GOINGS):
        staff.append(house.new_worker())
        staff[-1].start()
        await until(lambda: has_begun(staff[-1]))
        oldest = staff.popleft()
        if number % 2:
            oldest.kill()
        else:
            oldest.ask_to_stop()
            leaving.append(asyncio.create_task(oldest.exit_code()))
    return [await code for code in leaving]


async def has_begun(worker: WorkerProcess) -> bool:
    """Whether it has opened a lane, and so works beside the others."""
    return any(line["event"] == "lane opened" for line in worker.lines())


async def stay(house: House, *, is_kept: bool) -> set[int]:
    """The statuses of a guest who books, pays, and leaves again unless the booking is kept."""
    guest = a_guest()
    created = await house.client.command(guest, "create_booking", a_create())
    statuses = {created.status}
    for status in ["confirmed"] if is_kept else ["confirmed", "cancelled"]:
        # Anywhere: it is forwarded to the venue's home.
        statuses.add((await move(house, guest, created.data["id"], status)).status)
    return statuses
