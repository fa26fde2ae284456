"""The database is lost; the events make another one, which answers as the first one did."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from adapters.database.migrations import migrate
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book, book_and_pay, move
from tests.service.builders import PERSONAL, a_create, a_venue, in_hours
from tests.service.callers import Caller, a_guest, a_manager, an_admin
from tests.service.client import Reply
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.new_databases import a_new_database, connected
from tests.service.story import at_rest
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@dataclass
class Day:
    """What was done before the database was lost, and who did it."""

    guest: Caller
    manager: Caller
    venue: str
    bookings: list[dict[str, Any]] = field(default_factory=list)
    create: dict[str, Any] = field(default_factory=dict)
    first: Reply | None = None


COMMAND_ID = str(uuid.uuid4())


async def a_day(house: House) -> Day:
    venue = a_venue()
    day = Day(a_guest(), a_manager(venue), venue)
    day.create = a_create(venue, booking_time=in_hours(30))
    day.first = await house.client.command(
        day.guest, "create_booking", day.create, command_id=COMMAND_ID, idempotency_key="k-1"
    )
    paid = await book_and_pay(house, day.guest, venue, booking_time=in_hours(6))
    moved = await book_and_pay(house, day.guest, venue, booking_time=in_hours(60))
    await house.client.command(
        day.manager,
        "update_booking",
        {
            "booking_id": moved["id"],
            "expected_version": moved["version"],
            "booking_time": in_hours(80),
            "party_size": 1,
            "internal_notes": f"{PERSONAL} likes the window",
        },
    )
    gone = await book_and_pay(house, day.guest, venue, booking_time=in_hours(100))
    await house.client.command(
        day.guest, "cancel_booking", {"booking_id": gone["id"], "reason": f"{PERSONAL} is ill"}
    )
    await move(house, day.manager, paid["id"], "checked_in")
    late = await book(house, day.guest, venue, booking_time=in_hours(120))
    await house.rows(
        "update bookings set sweep_at = now() - interval '1 minute' where id = $1",
        uuid.UUID(late["id"]),
    )
    day.bookings = [day.first.data, paid, moved, gone, late]

    async def expired() -> bool:
        rows = await house.rows("select status from bookings where id = $1", uuid.UUID(late["id"]))
        return bool(rows[0]["status"] == "expired")

    await until(expired)
    return day


async def all_answers(house: House, day: Day) -> list[tuple[str, Any]]:
    """Everything that can be asked about that day, by everybody who may."""
    asked: list[tuple[Caller, str, dict[str, Any]]] = []
    for caller in (day.guest, day.manager, an_admin()):
        for each in day.bookings:
            asked.append((caller, "get_booking", {"booking_id": each["id"]}))
            asked.append((caller, "get_booking_history", {"booking_id": each["id"]}))
            reference = {"booking_reference": each["booking_reference"]}
            asked.append((caller, "get_booking_by_reference", reference))
        asked.append((caller, "list_guest_bookings", {"guest_id": day.guest.sub}))
    asked.append((day.manager, "list_venue_bookings", {"venue_id": day.venue}))
    replies = await asyncio.gather(*(house.client.query(*each) for each in asked))
    return [(each[1], reply.data) for each, reply in zip(asked, replies, strict=True)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


async def test_no_worker_starts_on_half_a_database(house: House, postgres: PostgresServer) -> None:
    url = await a_new_database(postgres)
    async with connected(url) as connection:
        await connection.execute(
            "insert into rebuild_progress values ($1, 0, 17)", f"{house.prefix}.events"
        )
    ran = await booking(house, "run", settings={"BOOKING_DATABASE__URL": url})
    assert ran.code == 1
    assert "a rebuild of this database is not finished" in ran.err


async def test_a_rebuilt_database_answers_as_the_lost_one_did(
    house: House, postgres: PostgresServer
) -> None:
    day = await a_day(house)
    await at_rest(house)
    before = await all_answers(house, day)
    availability = (day.manager, "check_availability", _asked_for(day))
    conflicts = (await house.client.query(*availability)).data["conflicts"]
    refused = await booking(house, "rebuild")
    assert (refused.code, "stop them first" in refused.err) == (1, True)

    (worker,) = house.workers
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    await house.has_members(0)
    refused = await booking(house, "rebuild")
    assert (refused.code, "not empty" in refused.err) == (1, True)

    urls = [await postgres.create_database(f"rebuilt_{uuid.uuid4().hex[:10]}") for _ in range(2)]
    refused = await booking(house, "rebuild", settings={"BOOKING_DATABASE__URL": urls[0]})
    assert (refused.code, "booking migrate" in refused.err) == (1, True)
    for url in urls:
        await asyncio.to_thread(migrate, url)
    rehearsed = await booking(
        house, "rebuild", "--dry-run", "--json", settings={"BOOKING_DATABASE__URL": urls[0]}
    )
    assert (rehearsed.code, rehearsed.json["whole"]) == (0, None)
    calls = _calls(house)
    reports = []
    for url in urls:
        ran = await booking(house, "rebuild", "--json", settings={"BOOKING_DATABASE__URL": url})
        assert ran.code == 0, ran.err
        reports.append(ran.json)
    assert reports[0]["whole"] == reports[1]["whole"], "the same events, the same digest"
    assert reports[0]["whole"]["bookings"] == {
        "pending": 1,
        "checked_in": 1,
        "confirmed": 1,
        "cancelled": 1,
        "expired": 1,
    }

    successor = house.new_worker({"BOOKING_DATABASE__URL": urls[0]})
    successor.start()
    await house.has_members(1)
    assert await all_answers(house, day) == before
    assert _calls(house) == calls, "no partner was called"
    assert (await house.client.query(*availability)).data["conflicts"] == conflicts

    assert day.first is not None
    again = await house.client.command(
        day.guest, "create_booking", day.create, command_id=COMMAND_ID, idempotency_key="k-1"
    )
    assert (again.is_replayed, again.record.value) == (True, day.first.record.value)
    same_key = await house.client.command(
        day.guest, "create_booking", day.create, idempotency_key="k-1"
    )
    assert (same_key.is_replayed, same_key.record.value) == (True, day.first.record.value)
    taken = await house.client.command(
        a_guest(), "create_booking", a_create(day.venue, booking_time=in_hours(30))
    )
    assert taken.code in {"slot_unavailable", "no_capacity"}
    go_on = await move(house, day.guest, day.bookings[0]["id"], "confirmed")
    assert go_on.data["version"] == 2
    assert go_on.data["guest_name"] == day.create["guest_name"], "a rebuilt guest is no erased one"


def _asked_for(day: Day) -> dict[str, Any]:
    wanted = ("venue_id", "venue_type", "booking_time", "party_size")
    return {name: day.create[name] for name in wanted}


def _calls(house: House) -> list[int]:
    partners = house.partners
    desks = (partners.inventory, partners.pricing, partners.payment)
    return [len(desk.ledger()) for desk in desks]
