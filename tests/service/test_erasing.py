"""Keys are exchanged and guests forgotten while commands come in, and none of them fails."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.builders import PERSONAL, a_create, a_venue, in_hours
from tests.service.callers import Caller, a_guest, an_admin
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.story import at_rest
from tests.service.waiting import until

pytestmark = pytest.mark.timeout(240)

OLD, NEW = (f"{name}:{b64encode(name[0].encode() * 32).decode()}" for name in ("old", "new"))
BOTH = {"BOOKING_SEAL__KEYS": f"{NEW},{OLD}"}


async def test_keys_are_exchanged_and_guests_erased_under_load(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    before = {"BOOKING_SEAL__KEYS": OLD}
    async with a_house(kafka, postgres, settings=before) as house:
        forgotten, kept = [a_guest() for _ in range(3)], a_guest()
        bookings = [(await book(house, guest))["id"] for guest in (*forgotten, kept)]
        await ended(house)
        for _ in range(2):
            house.new_worker(BOTH).start()
        await house.has_members(2)

        done = asyncio.Event()
        load = asyncio.create_task(commands_until(done, house))
        rekeyed, *erased = await asyncio.gather(
            booking(house, "rekey", "--json", settings=BOTH),
            *(erase(house, guest) for guest in forgotten),
        )
        done.set()
        assert set(await load) == {201}
        assert [each["guest_id"] for each in erased] == [guest.sub for guest in forgotten]
        assert (rekeyed.code, rekeyed.json["in_use"]) == (0, ["new"]), rekeyed.err
        assert await wrapped_by(house) == {"new"}

        await at_rest(house)
        shown = [await read(house, each) for each in bookings]
        assert [each["guest_name"] for each in shown] == [None, None, None, f"{PERSONAL} Ann"]
        assert [each.get("guest_erased") for each in shown] == [True, True, True, None]
        await check(house)
        await tombstones_are_last(house)
        for worker in house.workers[1:]:
            worker.ask_to_stop()
            assert await worker.exit_code() == 0
        await the_old_key_is_needed_no_more(house, bookings[-1])


async def ended(house: House) -> None:
    (worker,) = house.workers
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    await house.has_members(0)


async def commands_until(done: asyncio.Event, house: House) -> list[int]:
    """The statuses of creates, each of another guest at another venue."""
    statuses = []
    while not done.is_set():
        creates = (
            house.client.command(a_guest(), "create_booking", a_create(a_venue())) for _ in range(8)
        )
        statuses += [reply.status for reply in await asyncio.gather(*creates)]
    return statuses


async def erase(house: House, guest: Caller) -> dict[str, Any]:
    reply = await house.client.command(guest, "erase_guest", {"guest_id": guest.sub})
    return reply.data


async def read(house: House, booking_id: str) -> dict[str, Any]:
    return (await house.client.query(an_admin(), "get_booking", {"booking_id": booking_id})).data


async def wrapped_by(house: House) -> set[str]:
    rows = await house.rows(
        "select distinct split_part(wrapped, '.', 2) as name from guest_keys"
        " where wrapped is not null"
    )
    return {row["name"] for row in rows}


async def tombstones_are_last(house: House) -> None:
    """Of every key that was destroyed, and of no other."""
    rows = await house.rows("select key_id, wrapped is null as is_gone from guest_keys")
    gone = {row["key_id"] for row in rows if row["is_gone"]}
    assert len(gone) == 3

    async def told() -> bool:
        last = {
            UUID((record.key or b"").decode()): record.value is None
            for record in house.feed.records(f"{house.prefix}.guest-keys")
        }
        return {key_id for key_id, is_gone in last.items() if is_gone} == gone

    await until(told)


async def the_old_key_is_needed_no_more(house: House, kept: str) -> None:
    refused = await booking(house, "run", settings={"BOOKING_SEAL__KEYS": OLD})
    assert (refused.code, refused.out) == (1, "")
    assert "'new'" in refused.err
    assert "BOOKING_SEAL__KEYS" in refused.err
    house.new_worker({"BOOKING_SEAL__KEYS": NEW}).start()
    await house.has_members(1)
    assert (await read(house, kept))["guest_name"] == f"{PERSONAL} Ann"
    moved = {"booking_id": kept, "expected_version": 1, "booking_time": in_hours(70)}
    reply = await house.client.command(an_admin(), "update_booking", moved)
    assert (reply.status, reply.data["guest_name"]) == (200, f"{PERSONAL} Ann")
