"""A row that nobody can read costs those who ask for it their answer, and nobody else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.database.database import Database
from domain.booking import Booking
from domain.effects import FindConflicts
from domain.lifecycle import Status
from domain.outcome import StatusChange
from handlers.ports import CannotRead, Record
from tests.adapters.database.lane import Lane, another_booking
from tests.adapters.database.migrated import run_statements
from tests.builders import a_contact, a_venue
from tests.handlers.world import ADMIN, World, bearer

BREAKS = {
    "nothing that was sealed": "personal = 'nonsense'",
    "cut off": "personal = substr(personal, 1, length(personal) - 4)",
    "sealed elsewhere": "personal = (select personal from bookings where id = '{other}')",
    "a status of a later version": "status = 'waitlisted'",
    "a currency that there is not": "currency = 'ZZZ'",
}


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def run(database: Database, request: pytest.FixtureRequest) -> Callable[[str], Awaitable[None]]:
    """A statement as who may do everything."""

    async def on_sqlite(statement: str) -> None:
        path = request.getfixturevalue("sqlite_url").removeprefix("sqlite+aiosqlite:///")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)

    async def on_postgresql(statement: str) -> None:
        await run_statements(request.getfixturevalue("postgresql_url"), [statement])

    return on_sqlite if database is request.getfixturevalue("sqlite") else on_postgresql


async def two(lane: Lane) -> tuple[Booking, Booking]:
    """Of two guests at two venues, each with a reason in its history."""
    found = []
    for number in range(2):
        booking = another_booking(
            reference=f"BR-20260602-{'AB'[number] * 8}",
            contact=a_contact(guest_id=uuid4()),
            venue=a_venue(id=uuid4()),
        )
        await lane.recorded(booking, StatusChange(None, Status.PENDING, "a guest", "a reason"))
        found.append(booking)
    return found[0], found[1]


def queries_about(booking: Booking) -> list[tuple[str, dict[str, Any]]]:
    by_id = {"booking_id": str(booking.id)}
    return [
        ("get_booking", by_id),
        ("get_booking_by_reference", {"booking_reference": booking.reference}),
        ("get_booking_history", by_id),
        ("list_guest_bookings", {"guest_id": str(booking.contact.guest_id)}),
        ("list_venue_bookings", {"venue_id": str(booking.venue.id)}),
    ]


async def answers(database: Database, queries: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Of one batch, asked by somebody who may see everything."""
    world = World()
    handlers = replace(world.queries, reads=database.reads)
    records: list[Record] = [
        replace(
            world.query(
                json.dumps({"type": type_, "query_id": str(uuid4()), "data": data}).encode()
            ),
            headers=(("authorization", bearer(ADMIN)),),
        )
        for type_, data in queries
    ]
    replies = [json.loads(each.value) for each in await handlers.answer(records)]
    return [each["data"] if each["status"] == 200 else each["error"]["code"] for each in replies]


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
async def test_a_booking_that_cannot_be_read_costs_no_other_its_answer(
    database: Database, run: Callable[[str], Awaitable[None]], broken: str
) -> None:
    lane = await Lane.opened(database)
    bad, good = await two(lane)
    await run(f"update bookings set {broken.format(other=good.id)} where id = '{bad.id}'")
    found = await answers(database, [*queries_about(bad), *queries_about(good)])
    assert found[:5] == ["internal_error"] * 5
    by_id, by_reference, history, *lists = found[5:]
    assert by_id["id"] == by_reference["id"] == str(good.id)
    assert [each["reason"] for each in history["items"]] == ["a reason"]
    assert [[UUID(each["id"]) for each in one["items"]] for one in lists] == [[good.id]] * 2


async def test_what_no_column_could_hold_is_not_taken_for_a_broken_statement(
    postgresql: Database,
) -> None:
    """It says nothing of what was asked for beside it."""
    nul = FindConflicts(uuid4(), "table\0", another_booking().slot)
    with pytest.raises(CannotRead):
        await postgresql.reads.conflicts([nul])
    with pytest.raises(CannotRead):
        await postgresql.reads.bookings_by_reference(["BR\0"])


@pytest.mark.parametrize(
    "broken",
    ["reason = 'nonsense'", "reason = substr(reason, 1, length(reason) - 4)", "to_status = 'x'"],
    ids=["nothing that was sealed", "cut off", "a status of a later version"],
)
async def test_a_past_that_cannot_be_read_costs_no_other_its_answer(
    database: Database, run: Callable[[str], Awaitable[None]], broken: str
) -> None:
    lane = await Lane.opened(database)
    bad, good = await two(lane)
    await run(f"update booking_history set {broken} where booking_id = '{bad.id}'")
    found = await answers(database, [*queries_about(bad), *queries_about(good)])
    assert found[2] == "internal_error"
    assert [isinstance(each, dict) for each in found].count(True) == 9
