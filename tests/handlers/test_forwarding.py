"""A command that lies elsewhere is sent home, and judged there as it was sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import orjson
import pytest

from adapters.tokens.service_signature import ServiceSignature
from domain.principal import System
from handlers.ports import DatabaseAway, Held
from tests.handlers.invariants import assert_sound
from tests.handlers.world import (
    COMMANDS,
    ELSEWHERE,
    FAR_AWAY,
    GUEST,
    NOW,
    STRANGER,
    World,
    bearer,
)

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")


async def test_a_stray_is_forwarded_once_and_nothing_of_it_is_stored(world: World) -> None:
    world.create(partition=1)
    outputs = await world.deliver()
    ((forward,),) = outputs.values()
    assert (forward.topic, forward.partition) == (COMMANDS, 0)
    assert forward.value == world.log[0].value
    assert "authorization" not in dict(forward.headers)
    assert not world.database.tables.starts
    signed = world.signer.verified(world.log[-1])
    assert signed is not None
    assert (signed.principal, signed.origin) == (GUEST, world.log[0].coordinates)


async def test_a_forwarded_copy_is_judged_as_the_record_that_the_client_sent(world: World) -> None:
    short = bearer(GUEST, NOW + timedelta(minutes=5))
    stray = world.create(partition=2, token=short, headers=[("correlation_id", b"c")])
    soon = world.create(partition=2, token=short, booking_time=NOW + timedelta(minutes=45))
    await world.deliver()
    world.later(minutes=30)
    await world.settle()
    by_correlation, by_id = world.replies
    assert by_correlation.status == 201
    assert by_correlation.headers["correlation_id"] == b"c"
    assert by_correlation.body["command_id"] == str(stray)
    assert world.reply_to(soon).status == by_id.status == 201
    starts = world.database.tables.starts.values()
    assert {start.origin for start in starts} == {r.coordinates for r in world.log[:2]}
    assert {start.sent for start in starts} == {NOW}
    assert {start.coordinates for start in starts} == {r.coordinates for r in world.log[2:]}


async def test_a_command_on_a_booking_finds_its_venue_by_itself(world: World) -> None:
    booking = await world.booked(venue_id=ELSEWHERE)
    asked = world.cancel(booking, partition=2)
    await world.deliver()
    assert world.log[-1].partition == 1
    await world.settle()
    assert world.reply_to(asked).booking["status"] == "cancelled"


async def test_an_unknown_booking_is_answered_where_it_lies(world: World) -> None:
    asked = world.cancel({"id": str(SOME_ID), "venue_id": str(ELSEWHERE)}, partition=2)
    outputs = await world.deliver()
    assert [output.topic for output in outputs[2]] == ["booking.replies"]
    assert world.reply_to(asked).code == "booking_not_found"


async def test_a_stray_that_is_not_valid_is_answered_where_it_lies(world: World) -> None:
    asked = world.create(partition=2, party_size=0)
    await world.deliver()
    assert world.reply_to(asked).code == "validation_failed"


async def test_a_second_copy_of_one_forward_gives_nothing(world: World) -> None:
    world.create(partition=1)
    await world.deliver()
    world.publish_again()
    await world.settle()
    (reply,) = world.replies
    assert reply.status == 201
    assert world.event_types == ["booking.created"]
    world.publish_again()
    assert await world.deliver() == {0: []}


async def test_a_stray_sent_twice_is_a_repeat_at_home(world: World) -> None:
    world.create(command_id=SOME_ID, partition=1)
    world.create(command_id=SOME_ID, partition=2)
    await world.settle()
    assert [(r.status, r.is_replayed) for r in world.replies] == [(201, False), (201, True)]


async def test_a_redelivered_stray_is_forwarded_again_byte_for_byte(world: World) -> None:
    world.create(partition=1)
    first = await world.deliver(abort=True)
    assert await world.deliver() == first


async def test_forwards_keep_what_spring_needs(world: World) -> None:
    opaque = b"\xf0\xf1\xf2\xf3"
    world.create(
        partition=1,
        headers=[
            ("kafka_correlationId", opaque),
            ("kafka_replyTopic", b"booking.replies.shop"),
            ("kafka_replyPartition", b"\x00\x00\x00\x01"),
        ],
    )
    await world.settle()
    (reply,) = world.replies
    assert (reply.output.topic, reply.output.partition) == ("booking.replies.shop", 1)
    assert reply.headers["kafka_correlationId"] == opaque


@pytest.mark.parametrize(
    "tampered",
    [
        lambda value, headers: (value.replace(b'"party_size": 2', b'"party_size": 9'), headers),
        lambda value, headers: (value, {**headers, "service-signature": b"0" * 64}),
        lambda value, headers: (value, {**headers, "reply_to": b"booking.replies.shop"}),
        lambda value, headers: (value, {**headers, "correlation_id": b"x"}),
        lambda value, headers: (
            value,
            {**headers, "service-principal": b'{"kind":"Admin","id":"me"}'},
        ),
        lambda value, headers: (
            value,
            {**headers, "service-origin": orjson.dumps([COMMANDS, 1, 7, 0])},
        ),
        lambda value, headers: (value, {**headers, "service-signature": b"\xff\x00"}),
    ],
    ids=["value", "signature", "reply_to", "correlation", "principal", "origin", "bytes"],
)
async def test_a_tampered_signature_is_as_good_as_none(world: World, tampered) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    world.create(partition=1)
    await world.deliver()
    copy = world.log.pop()
    value, headers = tampered(copy.value, dict(copy.headers))
    world.send_bytes(value, headers=list(headers.items()))
    await world.deliver()
    assert world.replies[0].code == "unauthenticated"
    assert not world.database.tables.starts


async def test_a_signature_by_another_key_speaks_for_nobody(world: World) -> None:
    booking = await world.booked()
    value = orjson.dumps(
        {
            "type": "expire_booking",
            "command_id": str(SOME_ID),
            "data": {"booking_id": booking["id"], "expected_version": 1, "attempt": 0},
        }
    )
    forged = ServiceSignature(b"x" * 32).system_headers(value)
    world.send_bytes(value, headers=forged)
    world.send_bytes(value, headers=[("authorization", bearer(STRANGER)), *forged])
    await world.deliver()
    assert [reply.code for reply in world.replies[1:]] == ["unauthenticated", "forbidden"]
    assert world.bookings[UUID(booking["id"])].status == "pending"


async def test_a_signed_system_command_is_done_and_gets_no_reply(world: World) -> None:
    booking = await world.booked()
    world.later(minutes=16)
    await world.sweep()
    signed = world.signer.verified(world.log[-1])
    assert signed is not None
    assert signed.principal == System()
    await world.settle()
    assert world.bookings[UUID(booking["id"])].status == "expired"
    assert len(world.replies) == 1
    assert_sound(world)


# --- lanes ---


async def test_a_lost_lane_writes_nothing_and_is_missing_from_the_answer(world: World) -> None:
    here, there = world.create(), world.create(venue_id=ELSEWHERE)
    for partition in (0, 1):
        await world.open(partition)
    await world.database.open_lane(COMMANDS, 1)
    outputs = await world.deliver()
    assert set(outputs) == {0}
    assert world.reply_to(here).status == 201
    assert len(world.database.tables.starts) == len(world.bookings) == 1
    await world.settle()
    assert world.reply_to(there).status == 201


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_a_lane_lost_between_two_rounds_is_left_as_it_is(world: World, number: int) -> None:
    """Its next owner goes on from what stands; the other lanes of the batch do not notice."""
    here, there = world.create(), world.create(venue_id=ELSEWHERE)
    far = world.create(venue_id=FAR_AWAY)

    def written() -> tuple[object, ...]:
        tables = world.database.tables
        rows = {id_ for id_, start in tables.starts.items() if start.coordinates.partition == 1}
        return (
            rows,
            {entry for entry in tables.journal if entry[0] in rows},
            {id_ for id_, standing in tables.claims.items() if standing.row_id in rows},
        )

    then: list[tuple[object, ...]] = []

    def lose(transaction: int) -> None:
        if transaction == number:
            lanes = world.database.tables.lanes
            lanes[COMMANDS, 1] = replace(lanes[COMMANDS, 1], epoch=7)
            then.append(written())

    world.watched.before_transaction = lose
    outputs = await world.deliver()
    assert set(outputs) == {0, 2}
    assert world.reply_to(here).status == world.reply_to(far).status == 201
    assert len(world.bookings) == 2
    assert not [b for b in world.bookings.values() if b.venue.id == ELSEWHERE]
    assert written() == then[0]
    await world.settle()
    assert_sound(world, here, there, far)
    assert len({effect.call.key for effect in world.partners.ledger}) == 6


async def test_a_zombie_writes_nothing_even_when_all_its_lanes_are_gone(world: World) -> None:
    world.create()
    await world.database.open_lane(COMMANDS, 0)
    before = world.database.tables.copy()
    assert await world.handlers.process(world.log, {0: Held(7)}) == {}
    assert world.database.tables == before
    assert not world.partners.calls


async def test_a_database_that_is_away_raises_and_loses_nothing(world: World) -> None:
    command_id = world.create()
    await world.deliver(at_most=0)
    await world.open(0)
    world.database.away = True
    with pytest.raises(DatabaseAway):
        await world.deliver()
    world.database.away = False
    await world.deliver()
    assert world.reply_to(command_id).status == 201


async def test_a_record_forwarded_to_the_wrong_partition_is_forwarded_on(world: World) -> None:
    """After partitions were added: the origin and who sent it stay what they were."""
    world.create(partition=1)
    await world.deliver()
    world.log[-1] = replace(world.log[-1], partition=2, offset=0)
    await world.settle()
    (start,) = world.database.tables.starts.values()
    assert start.origin == world.log[0].coordinates
    assert [reply.status for reply in world.replies] == [201]
