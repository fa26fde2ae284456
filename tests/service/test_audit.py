"""Who did what and who has seen it, told by a real worker; and a log that was tampered with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.builders import PERSONAL
from tests.service.callers import a_guest, a_manager, an_admin
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.invariants import check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


async def shown(house: House, *arguments: str) -> list[dict[str, Any]]:
    ran = await booking(house, "audit", "show", "--json", *arguments)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


async def tamper(house: House, statement: str) -> None:
    """As the owner of the table, who can switch the trigger off."""
    await house.rows("alter table audit disable trigger audit_keeps_rows")
    await house.rows(statement)
    await house.rows("alter table audit enable always trigger audit_keeps_rows")


async def test_a_bookings_day_is_told_and_tampering_with_it_is_found(
    house: House, tmp_path: Path
) -> None:
    guest, stranger, admin = a_guest(), a_guest(), an_admin()
    made = await book(house, guest)
    manager, elsewhere = a_manager(made["venue_id"]), a_manager()
    one = {"booking_id": made["id"]}
    for caller, type_, data, status in (
        (stranger, "get_booking", one, 404),
        (guest, "get_booking", one, 200),
        (manager, "get_booking", one, 200),
        (elsewhere, "get_booking_history", one, 404),
        (admin, "get_booking_by_reference", {"booking_reference": made["booking_reference"]}, 200),
        (manager, "list_venue_bookings", {"venue_id": made["venue_id"]}, 200),
    ):
        assert (await house.client.query(caller, type_, data)).status == status
    reply = await house.client.command(stranger, "cancel_booking", one)
    assert reply.code == "booking_not_found"
    cancel = {**one, "reason": f"{PERSONAL} is ill"}
    assert (await house.client.command(manager, "cancel_booking", cancel)).status == 200
    assert (await booking(house, "why", made["id"], "--personal")).code == 0

    rows = await shown(house, "--booking", made["booking_reference"])
    assert [(r["role"], r["subject"], r["operation"], r["code"] or r["effect"]) for r in rows] == [
        ("guest", guest.sub, "create_booking", "created"),
        ("guest", stranger.sub, "get_booking", "booking_not_found"),
        ("business", manager.sub, "get_booking", "guest_data"),
        ("business", elsewhere.sub, "get_booking_history", "booking_not_found"),
        ("admin", admin.sub, "get_booking_by_reference", "guest_data"),
        ("business", manager.sub, "list_venue_bookings", "guest_data_list"),
        ("guest", stranger.sub, "cancel_booking", "booking_not_found"),
        ("business", manager.sub, "cancel_booking", "cancelled"),
        ("operator", rows[-1]["subject"], "why", "guest_data"),
    ]
    assert PERSONAL not in json.dumps(rows)
    assert len(await shown(house, "--principal", stranger.sub, "--refused")) == 2
    page = await booking(house, "audit", "show", "--booking", made["id"])
    assert f"refused  guest:{stranger.sub}  get_booking  booking_not_found" in page.out

    await check(house)
    heads = tmp_path / "heads.json"
    kept = await booking(house, "audit", "verify", "--json")
    heads.write_text(kept.out)
    assert (kept.code, kept.json["is_whole"]) == (0, True)

    refused = rows[1]
    where = f"where chain = '{refused['chain']}' and sequence = {refused['sequence']}"
    await tamper(house, f"update audit set subject = '{guest.sub}' {where}")
    found = await booking(house, "audit", "verify")
    assert found.code == 1
    place = f"{refused['chain']} #{refused['sequence']}"
    assert found.out.startswith(f"BROKEN      {place}: is not what was written\n")
    await tamper(house, f"update audit set subject = '{stranger.sub}' {where}")
    assert (await booking(house, "audit", "verify")).code == 0

    last = rows[7]
    place = f"chain = '{last['chain']}' and sequence = {last['sequence']}"
    await tamper(house, f"delete from audit where {place}")
    assert (await booking(house, "audit", "verify")).code == 0
    found = await booking(house, "audit", "verify", "--expect", str(heads), "--json")
    assert found.code == 1
    assert [(each["chain"], each["sequence"]) for each in found.json["breaks"]] == [
        (last["chain"], last["sequence"])
    ]
