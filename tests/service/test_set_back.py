"""The group is set back to the beginning: everything is read again, and nothing comes of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.chaos.fleet import Fleet
from tests.chaos.setback import set_back
from tests.service.asking import book_and_pay, move
from tests.service.builders import PERSONAL, a_create
from tests.service.callers import NOBODY, a_guest
from tests.service.house import House, a_house
from tests.service.invariants import check

HEALS_WITHIN_SECONDS = 60.0


@pytest.mark.timeout(180)
async def test_a_group_that_is_set_back_to_the_beginning_does_nothing_again(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    async with a_house(kafka, postgres, workers=0) as house:
        fleet = Fleet(house)
        fleet.add()
        await a_day(house)
        await check(house)
        found = await set_back(house, fleet, HEALS_WITHIN_SECONDS, print)
    assert found.changes == []
    assert fleet.complaints == []


async def a_day(house: House) -> None:
    """Something of everything: what is booked, repeated, refused, cancelled and cannot be read.

    Nothing stays pending, which would expire one day.
    """
    guest, id_, create = a_guest(), str(uuid4()), a_create()
    booked = await house.client.command(guest, "create_booking", create, command_id=id_)
    await house.client.command(guest, "create_booking", create, command_id=id_)
    await move(house, guest, booked.data["id"], "confirmed")
    paid = await asyncio.gather(*(book_and_pay(house, guest) for _ in range(6)))
    await move(house, guest, paid[0]["id"], "cancelled", reason=f"{PERSONAL} reasons")
    await house.client.command(a_guest(), "create_booking", create)
    await house.client.command(NOBODY, "create_booking", create)
    await house.client.publish("commands", b"not JSON")
