"""Delivered again, sent again, or asked again by its key: what comes out, and what does not."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from domain.effects import CreateIntent, Declined, ReserveInventory
from domain.reference import proposed_reference
from tests.handlers.world import (
    ELSEWHERE,
    GUEST,
    NOW,
    STAFF,
    STRANGER,
    TOMORROW,
    World,
    bearer,
)

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")
ANOTHER_ID = UUID("00000000-0000-4000-8000-0000000000d2")


# --- delivered again: the database has it, Kafka's transaction was lost ---


async def test_a_redelivered_batch_gives_all_its_outputs_again_byte_for_byte(
    world: World,
) -> None:
    standing = await world.booked(hour=9)
    world.create(key="k")
    world.create(party_size=0)
    world.create(key="k")
    world.update(standing, party_size=3)
    world.cancel(standing, reason="rain")
    world.create(partition=1)
    world.create(command_id=SOME_ID, hour=5)
    world.create(command_id=SOME_ID, hour=5)
    first = await world.deliver(abort=True)
    calls = len(world.partners.calls)
    world.later(hours=1)
    again = await world.deliver()
    assert again == first
    assert sum(len(outputs) for outputs in again.values()) == 17
    assert len(world.partners.calls) == calls


async def test_a_redelivered_command_is_not_judged_again(world: World) -> None:
    short = bearer(GUEST, NOW + timedelta(minutes=5))
    command_id = world.create(token=short, headers=[("deadline", _in(minutes=5))])
    world.partners.answers(ReserveInventory, _Dead())
    with pytest.raises(_Dead):
        await world.deliver()
    world.partners.heal()
    world.later(hours=20)
    await world.deliver()
    reply = world.reply_to(command_id)
    assert reply.status == 201
    assert reply.booking["created_at"] == "2026-06-01T12:00:00Z"


async def test_who_was_let_in_once_is_let_in_again_whatever_became_of_the_keys(
    world: World,
) -> None:
    command_id = world.create()
    await world.deliver(abort=True)
    record = world.log[0]
    forgotten = tuple(header for header in record.headers if header[0] != "authorization")
    world.log[0] = type(record)(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        forgotten,
    )
    await world.deliver()
    assert world.reply_to(command_id).status == 201


async def test_a_record_of_a_topic_made_anew_is_not_taken_for_one_delivered_before(
    world: World,
) -> None:
    world.create(command_id=SOME_ID)
    await world.deliver()
    world.later(days=40)
    world.log.clear()
    world.committed.clear()
    world.create(command_id=SOME_ID, token=bearer(GUEST, NOW + timedelta(days=50)))
    await world.deliver()
    assert [reply.is_replayed for reply in world.replies] == [False, True]
    assert world.event_types == ["booking.created"]


# --- sent again: the same id ---


async def test_a_repeated_id_gives_the_stored_reply_alone(world: World) -> None:
    world.create(command_id=SOME_ID)
    await world.deliver()
    calls = len(world.partners.calls)
    world.later(days=20)
    world.create(command_id=SOME_ID, headers=[("correlation_id", b"later")])
    await world.deliver()
    first, again = world.replies
    assert again.output.value == first.output.value
    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert again.headers["correlation_id"] == b"later"
    assert world.event_types == ["booking.created"]
    assert len(world.partners.calls) == calls


async def test_a_refusal_is_repeated_too(world: World) -> None:
    for _ in range(2):
        world.create(command_id=SOME_ID, party_size=0)
        world.create(command_id=ANOTHER_ID, internal_notes="x")
        await world.deliver()
    codes = [(reply.code, reply.is_replayed) for reply in world.replies]
    assert codes == [
        ("validation_failed", False),
        ("forbidden", False),
        ("validation_failed", True),
        ("forbidden", True),
    ]


@pytest.mark.parametrize("batches", [1, 2])
async def test_an_id_with_other_content_is_refused(world: World, batches: int) -> None:
    world.create(command_id=SOME_ID)
    if batches == 2:
        await world.deliver()
    world.create(command_id=SOME_ID, party_size=3)
    world.create(command_id=SOME_ID, key="k")
    await world.deliver()
    assert [(r.status, r.code) for r in world.replies] == [
        (201, None),
        (409, "command_id_reused"),
        (409, "command_id_reused"),
    ]
    assert len(world.bookings) == 1


@pytest.mark.parametrize("batches", [1, 2])
async def test_an_id_used_again_for_another_day_is_refused_too(world: World, batches: int) -> None:
    world.create(command_id=SOME_ID)
    if batches == 2:
        await world.deliver()
    world.create(command_id=SOME_ID, hour=48)
    neighbour = world.create(hour=72)
    await world.deliver()
    assert [reply.code for reply in world.replies] == [None, "command_id_reused", None]
    assert world.reply_to(neighbour).status == 201


async def test_ids_belong_to_those_who_chose_them(world: World) -> None:
    world.create(command_id=SOME_ID)
    world.create(command_id=SOME_ID, by=STRANGER, hour=5)
    await world.deliver()
    assert [reply.status for reply in world.replies] == [201, 201]
    assert len(world.bookings) == 2


async def test_an_id_used_at_another_venue_is_refused_there(world: World) -> None:
    world.create(command_id=SOME_ID)
    world.create(command_id=SOME_ID, venue_id=ELSEWHERE)
    await world.deliver()
    assert sorted(str(reply.code) for reply in world.replies) == ["None", "command_id_reused"]


# --- asked again: the same key ---


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_key_gives_the_first_outcome_again_byte_for_byte(
    world: World, batches: int
) -> None:
    first_id = world.create(key="k")
    if batches == 2:
        await world.deliver()
    again_id = world.create(key="k")
    await world.deliver()
    first, again = world.reply_to(first_id), world.reply_to(again_id)
    assert again.output.value == first.output.value
    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert len(world.bookings) == 1
    assert world.event_types == ["booking.created"]


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_key_with_another_request_is_refused(world: World, batches: int) -> None:
    world.create(key="k")
    if batches == 2:
        await world.deliver()
    other = world.create(key="k", party_size=3)
    elsewhere = world.create(key="k", venue_id=ELSEWHERE)
    await world.deliver()
    assert world.reply_to(other).code == "idempotency_key_reused"
    assert world.reply_to(elsewhere).code == "idempotency_key_reused"
    assert len(world.bookings) == 1


async def test_a_key_belongs_to_one_principal_and_one_operation(world: World) -> None:
    world.create(key="k")
    world.create(key="k", by=STRANGER, hour=5)
    await world.deliver()
    booking = world.replies[0].booking
    world.update(booking, key="k", party_size=3)
    world.cancel(booking, key="k")
    await world.deliver()
    assert [reply.status for reply in world.replies] == [201, 201, 200, 200]


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_retryable_failure_releases_its_key(world: World, batches: int) -> None:
    world.partners.is_away_for(CreateIntent)
    first = world.create(key="k")
    if batches == 2:
        await world.deliver()
    again = world.create(key="k")
    await world.deliver()
    assert world.reply_to(first).code == "payment_failed"
    assert world.reply_to(again).status == 201
    assert not world.reply_to(again).is_replayed


@pytest.mark.parametrize("batches", [1, 2])
async def test_any_other_failure_keeps_its_key(world: World, batches: int) -> None:
    world.partners.answers(CreateIntent, Declined("no funds"))
    first = world.create(key="k")
    if batches == 2:
        await world.deliver()
    again = world.create(key="k")
    await world.deliver()
    assert world.reply_to(first).code == "payment_declined"
    assert world.reply_to(again).is_replayed
    assert world.reply_to(again).output.value == world.reply_to(first).output.value
    assert not world.bookings


async def test_a_deadline_that_passed_releases_the_key_and_does_nothing(world: World) -> None:
    late = world.create(key="k", headers=[("deadline", _in(seconds=-1))])
    await world.deliver()
    assert not world.partners.calls
    again = world.create(key="k", headers=[("deadline", _in(seconds=1))])
    await world.deliver()
    reply = world.reply_to(late)
    assert (reply.status, reply.code, reply.body["error"]["retryable"]) == (
        400,
        "deadline_passed",
        True,
    )
    assert world.reply_to(again).status == 201


async def test_a_repeat_is_answered_whatever_its_deadline(world: World) -> None:
    world.create(command_id=SOME_ID, key="k")
    await world.deliver()
    over = [("deadline", _in(seconds=-1))]
    world.create(command_id=SOME_ID, key="k", headers=over)
    world.create(key="k", headers=over)
    await world.deliver()
    assert [(r.status, r.is_replayed) for r in world.replies[1:]] == [(201, True), (201, True)]


async def test_what_is_not_valid_or_not_allowed_takes_no_key(world: World) -> None:
    world.create(key="k", party_size=0)
    world.create(key="k", internal_notes="x")
    good = world.create(key="k")
    await world.deliver()
    assert world.reply_to(good).status == 201


async def test_a_key_holds_for_a_day_and_not_longer(world: World) -> None:
    world.create(key="k")
    await world.deliver()
    world.later(hours=23, minutes=59)
    within = world.create(key="k")
    await world.deliver()
    world.later(minutes=2)
    after = world.create(key="k", booking_time=TOMORROW + timedelta(days=9))
    await world.deliver()
    assert world.reply_to(within).is_replayed
    assert world.reply_to(after).status == 201
    assert not world.reply_to(after).is_replayed


async def test_the_retry_of_an_update_gets_its_first_answer_and_no_version_conflict(
    world: World,
) -> None:
    booking = await world.booked()
    first = world.update(booking, key="k", party_size=3)
    await world.deliver()
    again = world.update(booking, key="k", party_size=3)
    await world.deliver()
    assert world.reply_to(again).is_replayed
    assert world.reply_to(again).output.value == world.reply_to(first).output.value


# --- references ---


async def test_a_reference_that_is_taken_never_fails_a_booking(world: World) -> None:
    plain = World()
    booking = await plain.booked(command_id=SOME_ID)
    world.database.tables.references[booking["booking_reference"]] = ANOTHER_ID
    world.create(command_id=SOME_ID)
    first = await world.deliver(abort=True)
    assert await world.deliver() == first
    (reply,) = world.replies
    second = proposed_reference(TOMORROW.date(), UUID(reply.booking["id"]), 1)
    assert reply.booking["booking_reference"] == second != booking["booking_reference"]


async def test_a_create_interrupted_with_a_second_reference_goes_on_with_it(world: World) -> None:
    plain = World()
    booking = await plain.booked(command_id=SOME_ID)
    world.database.tables.references[booking["booking_reference"]] = ANOTHER_ID
    world.create(command_id=SOME_ID)
    world.partners.answers(ReserveInventory, _Dead(), lands=True)
    with pytest.raises(_Dead):
        await world.deliver()
    await world.deliver()
    (reserved,) = world.partners.effects(ReserveInventory)
    assert world.replies[0].booking["booking_reference"] == reserved.booking_reference


async def test_staff_and_guest_with_the_same_key_do_not_meet(world: World) -> None:
    world.create(key="k")
    world.create(key="k", by=STAFF, source="phone", hour=5)
    await world.deliver()
    assert [reply.status for reply in world.replies] == [201, 201]


class _Dead(BaseException):
    """The process is gone."""


def _in(**duration: float) -> bytes:
    return (NOW + timedelta(**duration)).isoformat().encode()
