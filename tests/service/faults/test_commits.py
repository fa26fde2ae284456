"""A connection breaks round a COMMIT: the worker cannot know what became of it, and looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book, book_and_pay, events_of
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.faults.commits import CommitFault, Commits
from tests.service.faults.proxy import Fate
from tests.service.faults.ways import way_to_the_database
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.waiting import PATIENCE_SECONDS, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

STARTS = {"of": "insert into commands"}
"""The transaction that writes down that a command was begun."""
CALLS = {"of": "insert into journal", "unless": "insert into commands"}
"""One that writes down a call that will be made next."""
ENDS = {"of": "insert into outcomes"}
"""The one that records outcomes."""
OPENS = {"of": "insert into lanes"}
"""The one that raises a lane's epoch."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A house whose worker's COMMITs are in the test's hands."""

    house: House
    commits: Commits


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[Watched]:
    commits = Commits()
    async with (
        a_house(kafka, postgres, workers=0) as house,
        way_to_the_database(house, up=commits.up, down=commits.down) as (_, settings),
    ):
        house.new_worker(settings).start()
        yield Watched(house, commits)


@pytest_asyncio.fixture(loop_scope="module")
async def watched(lasting: Watched) -> AsyncIterator[Watched]:
    """Work goes on before each test, and every invariant is demanded after it."""
    await book(lasting.house, a_guest())
    yield lasting
    await check(lasting.house)
    assert not lasting.commits.orders, "it was not met"


async def through(house: House, fault: CommitFault) -> None:
    """Returns when the COMMIT has met its fate; a late one, once the worker looks for it, or comes
    so late itself that the server has given its transaction up.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        await fault.met.wait()
        if fault.fate is Fate.LATE:
            await until(lambda: is_looked_for_or_given_up(house))
            fault.may_arrive.set()
        await fault.done.wait()


async def is_looked_for_or_given_up(house: House) -> bool:
    open_ones = await house.rows(
        "select wait_event_type = 'Lock' and query like 'insert into lanes %' as looks"
        " from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and (state = 'idle in transaction' or wait_event_type = 'Lock')"
    )
    return not open_ones or any(row["looks"] for row in open_ones)


@pytest.mark.parametrize("fate", Fate, ids=[fate.name.lower() for fate in Fate])
@pytest.mark.parametrize("of", [STARTS, CALLS, ENDS], ids=["start", "call", "outcome"])
async def test_a_create_has_one_outcome_whatever_became_of_a_commit(
    watched: Watched, of: Mapping[str, str], fate: Fate
) -> None:
    house, fault = watched.house, watched.commits.order(fate, **of)
    sent = await house.client.send_command(a_guest(), "create_booking", a_create())
    await through(house, fault)
    reply = await house.client.reply_to_sent(sent)
    assert reply.status == 201
    assert await done_once(house, reply.data, "create-intent") == ["booking.created"]


@pytest.mark.parametrize("fate", Fate, ids=[fate.name.lower() for fate in Fate])
@pytest.mark.parametrize(
    ("status", "call"), [("confirmed", "confirm-intent"), ("cancelled", "refund")]
)
async def test_money_moves_once_whatever_became_of_the_commit(
    watched: Watched, status: str, call: str, fate: Fate
) -> None:
    house, guest = watched.house, a_guest()
    before = book if status == "confirmed" else book_and_pay
    booking = (await before(house, guest))["id"]
    fault = watched.commits.order(fate, **ENDS)
    data = {"booking_id": booking, "status": status}
    sent = await house.client.send_command(guest, "update_booking_status", data)
    await through(house, fault)
    reply = await house.client.reply_to_sent(sent)
    assert reply.data["status"] == status
    assert (await done_once(house, reply.data, call))[-1] == "booking.status_changed"


@pytest.mark.parametrize("fate", Fate, ids=[fate.name.lower() for fate in Fate])
async def test_a_lane_is_opened_again_whatever_became_of_the_commit(
    watched: Watched, fate: Fate
) -> None:
    house = watched.house
    lost = watched.commits.order(Fate.UNHEARD, **ENDS)
    fault = watched.commits.order(fate, **OPENS)
    sent = await house.client.send_command(a_guest(), "create_booking", a_create())
    await through(house, lost)
    await through(house, fault)
    reply = await house.client.reply_to_sent(sent)
    assert await done_once(house, reply.data, "create-intent") == ["booking.created"]


async def done_once(house: House, booking: Mapping[str, Any], call: str) -> list[str]:
    """Demand that the call had one effect for this booking; gives its events."""
    events = await events_of(house, booking["id"], booking["version"])
    effects = [
        row
        for row in house.partners.payment.ledger()
        if row["effect"]
        and row["call"] == call
        and booking["payment_intent_id"] in {**row["body"], **(row["answer"] or {})}.values()
    ]
    assert len(effects) == 1, effects
    return [event.type for event in events]
