"""Idempotency keys have one holder for a while, booking references one booking for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from handlers.ports import KeyHolder, PromiseBroken
from tests.adapters.database.lane import Lane, a_key, a_recording
from tests.builders import NOW


async def test_a_free_key_is_taken(lane: Lane) -> None:
    key = a_key()
    async with lane.transaction() as transaction:
        holders = await transaction.take_keys([key])
    assert holders == {key.key_id: KeyHolder(key.row_id, key.request_hash)}


async def test_a_held_key_names_its_holder(lane: Lane) -> None:
    held = a_key()
    wish = replace(held, row_id=uuid4(), request_hash="ef" * 32)
    async with lane.transaction() as transaction:
        await transaction.take_keys([held])
    async with lane.transaction() as transaction:
        holders = await transaction.take_keys([wish, a_key()])
    assert holders[held.key_id] == KeyHolder(held.row_id, held.request_hash)


async def test_a_resumed_command_still_holds_its_key(lane: Lane) -> None:
    key = a_key()
    for _ in range(2):
        async with lane.transaction() as transaction:
            assert (await transaction.take_keys([key]))[key.key_id].row_id == key.row_id


async def test_an_expired_key_is_free_and_one_that_just_expires_is_not(lane: Lane) -> None:
    old = a_key(expires_at=NOW)
    async with lane.transaction() as transaction:
        await transaction.take_keys([old])
    early = replace(old, row_id=uuid4(), sent=NOW)
    late = replace(early, sent=NOW + timedelta(microseconds=1), expires_at=NOW + timedelta(days=1))
    async with lane.transaction() as transaction:
        assert (await transaction.take_keys([early]))[old.key_id].row_id == old.row_id
    async with lane.transaction() as transaction:
        assert (await transaction.take_keys([late]))[old.key_id].row_id == late.row_id


async def test_the_first_of_two_commands_with_one_key_takes_it(lane: Lane) -> None:
    key = a_key()
    async with lane.transaction() as transaction:
        holders = await transaction.take_keys([key, replace(key, row_id=uuid4())])
    assert holders == {key.key_id: KeyHolder(key.row_id, key.request_hash)}


async def test_a_released_key_is_free_again(lane: Lane) -> None:
    start = await lane.started()
    key = a_key(row_id=start.row_id)
    async with lane.transaction() as transaction:
        await transaction.take_keys([key])
        await transaction.record([a_recording(start, release_key=key.key_id)])
    again = replace(key, row_id=uuid4())
    async with lane.transaction() as transaction:
        assert (await transaction.take_keys([again]))[key.key_id].row_id == again.row_id


async def test_nobody_releases_the_key_of_another(lane: Lane) -> None:
    start = await lane.started()
    key = a_key()
    async with lane.transaction() as transaction:
        await transaction.take_keys([key])
        await transaction.record([a_recording(start, release_key=key.key_id)])
        holders = await transaction.take_keys([replace(key, row_id=uuid4())])
    assert holders[key.key_id].row_id == key.row_id


async def test_a_reference_belongs_to_one_booking(lane: Lane) -> None:
    first, second = uuid4(), uuid4()
    async with lane.transaction() as transaction:
        assert await transaction.take_references({first: "BR-20260602-AAAAAA"}) == frozenset()
    async with lane.transaction() as transaction:
        refused = await transaction.take_references(
            {second: "BR-20260602-AAAAAA", uuid4(): "BR-20260602-aaaaaa"}
        )
    assert refused == {second}
    async with lane.transaction() as transaction:
        assert await transaction.take_references({second: "BR-20260602-BBBBBB"}) == frozenset()


async def test_one_of_two_bookings_that_ask_at_once_gets_the_reference(lane: Lane) -> None:
    first, second = uuid4(), uuid4()
    async with lane.transaction() as transaction:
        refused = await transaction.take_references({first: "BR-X", second: "BR-X"})
    assert refused == {second}


async def test_a_booking_keeps_its_reference(lane: Lane) -> None:
    booking_id = uuid4()
    for _ in range(2):
        async with lane.transaction() as transaction:
            assert await transaction.take_references({booking_id: "BR-Y"}) == frozenset()
    with pytest.raises(PromiseBroken):
        async with lane.transaction() as transaction:
            await transaction.take_references({booking_id: "BR-Z"})
