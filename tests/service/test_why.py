"""The operator's commands on a running service: why, and what is owed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.demo.partners.faults import Fault, Kind
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book, book_and_pay, failing
from tests.service.builders import PERSONAL
from tests.service.callers import a_guest
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.invariants import check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


async def test_why_tells_a_failing_refund_and_retry_carries_it_through(house: House) -> None:
    guest = a_guest()
    made = await book_and_pay(house, guest)
    reference = made["booking_reference"]
    away = Fault(Kind.ERROR, "refund", {"booking_id": made["id"]}, status=503, times=None)
    with failing(house.partners.payment, away):
        reply = await house.client.command(guest, "cancel_booking", {"booking_id": made["id"]})
        assert reply.data["status"] == "cancelled"
        told = (await booking(house, "why", reference, "--json")).json
        page = await booking(house, "why", reference)
        (owed,) = (await booking(house, "undo", "list", "--json")).json["undo"]
        late = await booking(house, "undo", "list", "--older-than", "0")

    assert [c["operation"] for c in told["commands"]][:3] == [
        "create_booking",
        "update_booking_status",
        "cancel_booking",
    ]
    create, _, cancel = told["commands"][:3]
    assert create["by"] == f"guest:{guest.sub}"
    assert create["outcome"]["reply"]["topic"] == f"{house.prefix}.replies.tests"
    assert [(e["type"], e["version"]) for e in cancel["outcome"]["events"]] == [
        ("booking.cancelled", 3),
        ("booking.status_changed", 3),
    ]
    assert all(call["took_ms"] is not None for call in create["calls"])
    (refund,) = [call for call in cancel["calls"] if call["call"] == "refund"]
    assert refund["arguments"]["amount"] == "55.00 EUR"
    assert refund["answer"]["kind"] == "PartnerUnavailable"
    assert told["booking"]["status"] == "cancelled"
    assert "payment to refund 55.00 EUR" in told["waits_for"][0]

    assert page.code == 0
    for expected in (reference, "cancelled", "waits for", "OPEN payment: refund", "status 503"):
        assert expected in page.out
    assert PERSONAL not in page.out + json.dumps(told)
    assert "client_secret" not in json.dumps(told)

    assert (owed["booking_reference"], owed["partner"]) == (reference, "payment")
    assert late.code == 1

    carried = await booking(house, "undo", "retry", owed["undo_id"], "--wait", "30", "--json")
    (row,) = carried.json["undo"]
    assert (carried.code, row["next_try"]) == (0, None)
    after = (await booking(house, "why", reference, "--json")).json
    assert (after["booking"]["payment_status"], after["waits_for"]) == ("refunded", [])
    assert after["commands"][-1]["operation"] == "settle_undo"
    everything = (await booking(house, "undo", "list", "--all")).out
    assert "done payment: refund" in everything
    assert (await booking(house, "undo", "list")).out == "nothing is owed\n"
    await check(house)


async def test_what_is_personal_is_told_when_it_is_asked_for(house: House) -> None:
    made = await book(house, a_guest())
    ran = await booking(house, "why", made["id"], "--personal")
    assert f"{PERSONAL} Ann" in ran.out
    assert "its confirmation; without one it expires in" in ran.out


async def test_a_refused_create_is_found_by_its_command(house: House) -> None:
    guest = a_guest()
    venue = (await book(house, guest))["venue_id"]
    from tests.service.builders import a_create

    sent = await house.client.send_command(guest, "create_booking", a_create(venue))
    reply = await house.client.reply_to_sent(sent)
    told = (await booking(house, "why", reply.body["command_id"], "--json")).json
    assert told["booking"] is None
    assert told["commands"][0]["outcome"]["code"] == reply.body["error"]["code"]


async def test_what_nobody_knows_is_one_line_and_code_1(house: House) -> None:
    ran = await booking(house, "why", "BR-20300101-NOBODY")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
