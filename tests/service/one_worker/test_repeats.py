"""The same command again: one effect, and the same answer byte for byte."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.service.asking import book
from tests.service.builders import PERSONAL, a_create, a_venue, in_hours
from tests.service.callers import Caller, a_guest, a_manager, token
from tests.service.house import House

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_ten_times_one_idempotency_key_is_one_booking(house: House) -> None:
    guest, create = a_guest(), a_create()
    replies = await asyncio.gather(
        *(
            house.client.command(guest, "create_booking", create, idempotency_key="dinner")
            for _ in range(10)
        )
    )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.record.value for reply in replies}) == 1
    assert [reply.is_replayed for reply in replies].count(True) == 9
    listed = await house.client.query(guest, "list_guest_bookings", {"guest_id": guest.sub})
    assert len(listed.data["items"]) == 1
    reserved = [
        call
        for call in house.partners.inventory.ledger()
        if call["call"] == "reserve" and call["body"]["venue_id"] == create["venue_id"]
    ]
    assert len(reserved) == 1


async def test_a_repeated_command_id_gets_its_first_answer(house: House) -> None:
    guest, create, id_ = a_guest(), a_create(), str(uuid4())
    first = await house.client.command(guest, "create_booking", create, command_id=id_)
    calls = len(house.partners.inventory.ledger())
    again = await house.client.command(
        guest, "create_booking", dict(reversed(create.items())), command_id=id_
    )
    assert again.is_replayed
    assert not first.is_replayed
    assert again.record.value == first.record.value
    assert len(house.partners.inventory.ledger()) == calls, "no partner is called"


async def test_a_refusal_is_repeated_like_any_answer(house: House) -> None:
    guest, id_, create = a_guest(), str(uuid4()), a_create(party_size=0)
    first = await house.client.command(guest, "create_booking", create, command_id=id_)
    again = await house.client.command(guest, "create_booking", create, command_id=id_)
    assert (first.code, again.is_replayed) == ("validation_failed", True)
    assert again.record.value == first.record.value


async def test_who_lost_the_venue_hears_nothing_of_what_they_did_there(house: House) -> None:
    venue, id_ = a_venue(), str(uuid4())
    booking = await book(house, a_guest(), venue)
    manager = a_manager(venue)
    dismissed = Caller(manager.sub, token(manager.sub, "manager", venue_ids=[a_venue()]))
    change = {"booking_id": booking["id"], "expected_version": 1, "special_requests": PERSONAL}
    send = house.client.command
    first = await send(manager, "update_booking", change, command_id=id_, idempotency_key="k")
    assert first.data["guest_name"] == booking["guest_name"]
    by_id = await send(dismissed, "update_booking", change, command_id=id_, idempotency_key="k")
    by_key = await send(dismissed, "update_booking", change, idempotency_key="k")
    never = await send(a_manager(), "update_booking", change)
    for reply in (by_id, by_key):
        assert (reply.status, reply.error) == (404, never.error)
        assert not reply.is_replayed
    again = await send(manager, "update_booking", change, command_id=id_, idempotency_key="k")
    assert again.record.value == first.record.value


async def test_a_command_id_with_other_content_is_refused(house: House) -> None:
    guest, id_ = a_guest(), str(uuid4())
    await house.client.command(guest, "create_booking", a_create(), command_id=id_)
    other = await house.client.command(guest, "create_booking", a_create(), command_id=id_)
    assert (other.status, other.code) == (409, "command_id_reused")
    assert other.error["retryable"] is False


async def test_a_key_with_another_request_is_refused(house: House) -> None:
    guest = a_guest()
    create = house.client.command
    await create(guest, "create_booking", a_create(), idempotency_key="k")
    other = await create(guest, "create_booking", a_create(), idempotency_key="k")
    assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert other.error["retryable"] is False


async def test_ids_and_keys_belong_to_whom_they_came_from(house: House) -> None:
    id_ = str(uuid4())
    replies = [
        await house.client.command(
            a_guest(), "create_booking", a_create(), command_id=id_, idempotency_key="mine"
        )
        for _ in range(2)
    ]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].data["id"] != replies[1].data["id"]


async def test_the_retry_of_an_update_gets_its_first_answer_not_a_version_conflict(
    house: House,
) -> None:
    guest = a_guest()
    booking = await book(house, guest)
    change = {"booking_id": booking["id"], "expected_version": 1, "booking_time": in_hours(50)}
    first = await house.client.command(guest, "update_booking", change, idempotency_key="move")
    again = await house.client.command(guest, "update_booking", change, idempotency_key="move")
    assert first.status == again.status == 200
    assert again.is_replayed
    assert again.record.value == first.record.value
