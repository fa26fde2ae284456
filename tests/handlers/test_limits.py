"""Who comes too often: counted once, refused in its place, whatever happens on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.effects import CheckCapacity, ReserveInventory
from domain.limits import Limits, OperationClass
from domain.principal import Admin, Business, Guest, Principal
from handlers.limits import Tidying
from handlers.ports import DatabaseAway, Record
from tests.fakes.reads import FakeReads
from tests.fakes.transaction import FakeTransaction
from tests.fakes.use_counts import FakeUseCounts
from tests.handlers.invariants import assert_sound
from tests.handlers.test_put_back import condemned, send_back, the_letter
from tests.handlers.world import (
    ELSEWHERE,
    GUEST,
    NOW,
    STAFF,
    STRANGER,
    TOMORROW,
    VENUE,
    Crash,
    Reply,
    World,
    a_create,
)

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")
NO_BOOKING = {"id": str(SOME_ID), "venue_id": str(VENUE), "version": 1}
MINUTE = timedelta(minutes=1)


def limited_to(number: int, **classes: int) -> World:
    """A guest may do each class so often in a minute; business and admin twice as often."""
    numbers = {each: classes.get(each.value, number) for each in OperationClass}
    twice = {each: 2 * n for each, n in numbers.items()}
    return World(limits=Limits(MINUTE, {Guest: numbers, Business: twice, Admin: twice}))


def codes(world: World) -> list[str | None]:
    return [reply.code for reply in world.replies]


def uses(world: World) -> int:
    return sum(each.times for each in world.database.tables.uses.values())


async def test_who_comes_too_often_is_told_when_to_come_again_and_nothing_is_done() -> None:
    world = limited_to(2)
    first, second = world.create(hour=0), world.create(hour=3)
    world.later(seconds=20)
    third = world.create(hour=6, inventory_item_id="table-1")
    await world.deliver()
    reply = world.reply_to(third)
    assert [world.reply_to(each).status for each in (first, second)] == [201, 201]
    assert (reply.status, reply.code) == (429, "rate_limited")
    error = reply.body["error"]
    assert (error["retryable"], error["retry_after_seconds"]) == (True, 40)
    assert error["detail"].endswith("with a new command_id and the same idempotency_key.")
    assert len(world.partners.effects(ReserveInventory)) == len(world.bookings) == 2
    assert_sound(world, first, second, third)


async def test_the_next_window_is_open_again_also_for_the_same_key() -> None:
    world = limited_to(1)
    world.create(hour=0)
    refused = world.create(hour=3, key="k")
    await world.deliver()
    world.later(seconds=world.reply_to(refused).body["error"]["retry_after_seconds"])
    again = world.create(hour=3, key="k")
    await world.deliver()
    assert (world.reply_to(again).status, world.reply_to(again).is_replayed) == (201, False)


# --- its place among the refusals ---


async def test_the_deadline_comes_before_the_rate_and_the_rate_before_everything_else() -> None:
    world = limited_to(1)
    booking = await world.booked()
    world.move(booking, "confirmed")
    over = [("deadline", (NOW - timedelta(hours=1)).isoformat().encode())]
    asked = [
        world.cancel(booking, headers=over),
        world.cancel(NO_BOOKING, partition=0),
        world.cancel(booking, expected_version=7),
        world.move(booking, "expired"),
        world.create(booking_time=NOW - timedelta(days=1)),
    ]
    await world.settle()
    expected = ["deadline_passed", *["rate_limited"] * 4]
    assert [world.reply_to(each).code for each in asked] == expected
    assert uses(world) == 6  # a deadline that has passed is not counted


async def test_what_is_refused_before_the_rate_is_not_counted() -> None:
    world = limited_to(1)
    over = [("deadline", (NOW - timedelta(hours=1)).isoformat().encode())]
    world.send_bytes(b"junk")
    world.send("create_booking", a_create(), by=None)
    world.create(party_size=0)
    world.create(internal_notes="mine")
    world.create(headers=over)
    await world.deliver()
    assert uses(world) == 0
    last = world.create()
    await world.deliver()
    assert world.reply_to(last).status == 201


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_repeat_neither_counts_nor_meets_the_limit(batches: int) -> None:
    world = limited_to(1)
    world.create(command_id=SOME_ID, key="k")
    if batches == 2:
        await world.deliver()
    for _ in range(3):
        world.create(command_id=SOME_ID, key="k")
        world.create(key="k")
    reused = world.create(key="k", party_size=3)
    await world.settle()
    seven = world.replies[:7]
    assert {reply.output.value for reply in seven} == {world.replies[0].output.value}
    assert world.reply_to(reused).code == "idempotency_key_reused"
    assert uses(world) == 1


async def test_a_refusal_for_the_rate_is_repeated_like_any_other() -> None:
    world = limited_to(1)
    world.create()
    world.create(command_id=SOME_ID, hour=3)
    await world.deliver()
    world.later(minutes=10)
    world.create(command_id=SOME_ID, hour=3)
    await world.deliver()
    _, first, again = world.replies
    assert first.output.value == again.output.value
    assert (first.is_replayed, again.is_replayed) == (False, True)


# --- counted once ---


async def test_what_is_delivered_again_is_answered_the_same_and_not_counted_again() -> None:
    world = limited_to(2)
    for hour in (0, 3, 6, 9):
        world.create(hour=hour)
    first = await world.deliver(abort=True)
    world.later(minutes=10)
    assert await world.deliver() == first
    assert codes(world) == [None, None, "rate_limited", "rate_limited"]
    assert uses(world) == 4


async def test_wherever_the_worker_dies_as_many_are_accepted_as_are_allowed() -> None:
    async def a_batch(crash_at: int | None) -> World:
        world = limited_to(2)
        for hour in (0, 3, 6, 9):
            world.create(hour=hour, key=f"k{hour}")
        world.points.crash_at = crash_at
        try:
            await world.settle()
        except Crash:
            world.lanes.clear()
            await world.settle()
        return world

    calm = await a_batch(None)
    assert len(calm.points.seen) > 10
    for point in range(1, len(calm.points.seen) + 1):
        world = await a_batch(point)
        assert codes(world) == codes(calm), calm.points.seen[point - 1]
        assert uses(world) == 4
        assert_sound(world)


async def test_a_forwarded_command_counts_once_where_it_is_done() -> None:
    world = limited_to(2)
    strays = [world.create(hour=hour, partition=1) for hour in (0, 3, 6)]
    await world.settle()
    assert sorted(world.reply_to(each).status for each in strays) == [201, 201, 429]
    assert uses(world) == 3
    world.publish_again()
    await world.settle()
    assert uses(world) == 3


async def test_a_group_that_is_set_back_counts_nothing() -> None:
    world = limited_to(1)
    for hour in (0, 3):
        world.create(hour=hour)
        await world.deliver()
    before = dict(world.database.tables.uses)
    await world.rewind()
    await world.settle()
    assert world.database.tables.uses == before
    assert len(world.replies) == 2


async def test_what_an_operator_puts_back_is_not_limited() -> None:
    world = limited_to(1)
    asked = await condemned(world)
    send_back(world, the_letter(world))
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 201]


async def test_the_services_own_commands_are_not_counted() -> None:
    world = limited_to(1)
    for hour in (0, 3):
        world.create(hour=hour, by=[GUEST, STRANGER][hour // 3])
    await world.settle()
    world.later(minutes=16)
    assert await world.sweep() == 2
    await world.settle()
    assert {booking.status for booking in world.bookings.values()} == {"expired"}
    assert uses(world) == 2


# --- who, what and when ---


async def test_principals_and_classes_count_apart_and_venues_together() -> None:
    world = limited_to(1)
    world.create()
    world.create(venue_id=ELSEWHERE)
    world.create(by=STRANGER, hour=3)
    for hour in (6, 9, 12):
        world.create(by=STAFF, source="phone", hour=hour)
    await world.settle()
    booking = world.replies[0].booking
    world.cancel(booking)
    await world.settle()
    assert Counter(codes(world)) == {None: 5, "rate_limited": 2}


async def test_a_backlog_of_what_was_sent_over_an_hour_meets_no_limit() -> None:
    world = limited_to(1)
    for minute in range(60):
        world.create(hour=3 * minute, venue_id=[VENUE, ELSEWHERE][minute % 2])
        world.later(minutes=1)
    world.later(hours=5)
    await world.deliver(at_most=7)  # one partition may be far behind another
    await world.settle()
    assert Counter(codes(world)) == {None: 60}


async def test_of_a_flood_in_a_backlog_as_many_are_accepted_as_were_allowed_then() -> None:
    world = limited_to(2)
    for number in range(6):
        world.create(hour=3 * number, venue_id=[VENUE, ELSEWHERE][number % 2])
    world.later(hours=5)
    await world.settle()
    assert Counter(codes(world)) == {None: 2, "rate_limited": 4}
    assert world.replies[-1].body["error"]["retry_after_seconds"] == 1


# --- queries ---

EVERY_QUERY: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("get_booking", lambda b: {"booking_id": b["id"]}),
    ("get_booking", lambda _: {"booking_id": str(SOME_ID)}),
    ("get_booking_by_reference", lambda b: {"booking_reference": b["booking_reference"]}),
    ("get_booking_history", lambda b: {"booking_id": b["id"]}),
    ("list_guest_bookings", lambda _: {"guest_id": str(GUEST.id)}),
    ("check_availability", lambda _: a_create()),
]


@pytest.mark.parametrize(("type_", "data_for"), EVERY_QUERY)
async def test_a_query_too_many_is_refused(
    type_: str, data_for: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    world = limited_to(1)
    data = data_for(await world.booked())
    first = await world.ask(type_, data)
    calls = len(world.partners.calls)
    second = await world.ask(type_, data)
    assert first.status in {200, 404}
    assert (second.status, second.code) == (429, "rate_limited")
    assert second.body["error"]["retry_after_seconds"] == 60
    assert second.body["error"]["detail"].endswith("To try again, send a new query.")
    assert len(world.partners.calls) == calls


async def test_reading_and_availability_count_apart_and_what_is_not_valid_not_at_all() -> None:
    world = limited_to(1)
    assert (await world.ask("get_booking", {"booking_id": "x"})).code == "validation_failed"
    strangers = {"guest_id": str(STRANGER.id)}
    assert (await world.ask("list_guest_bookings", strangers)).code == "forbidden"
    assert (await world.ask("check_availability", a_create())).status == 200
    missing = {"booking_id": str(SOME_ID)}
    asked = [await world.ask("get_booking", missing) for _ in range(2)]
    assert [reply.code for reply in asked] == ["booking_not_found", "rate_limited"]
    assert len([c for c in world.partners.calls if isinstance(c, CheckCapacity)]) == 1


class _AwayAtFirst:
    """A database that counts, and then is gone for a while before anything is looked up."""

    def __init__(self, reads: FakeReads, times: int) -> None:
        self._reads = reads
        self._times = times

    def __getattr__(self, name: str) -> Any:
        if self._times:
            self._times -= 1
            raise DatabaseAway(name)
        return getattr(self._reads, name)


async def test_a_batch_that_is_tried_again_is_counted_once() -> None:
    """Whoever has to wait for our database, or for our Kafka, did not ask more often."""
    world = limited_to(2)
    world.queries = replace(world.queries, reads=_AwayAtFirst(world.database.reads, times=3))
    data = {"type": "get_booking", "data": {"booking_id": str(SOME_ID)}}
    one, two, three = (
        world.query(json.dumps(data | {"query_id": str(uuid4())}).encode()) for _ in range(3)
    )
    for batch in ([one], [one, two], [one]):  # as many as come with each fetch
        with pytest.raises(DatabaseAway):
            await world.queries.answer(batch)
    for batch in ([one, two, three], [two, three]):
        codes = [Reply(each).code for each in await world.queries.answer(batch)]
        assert codes == [*["booking_not_found"] * (len(batch) - 1), "rate_limited"]
    assert uses(world) == 3


async def test_what_is_behind_a_partition_is_remembered_no_longer() -> None:
    world = limited_to(100)
    data = {"type": "get_booking", "data": {"booking_id": str(SOME_ID)}}
    records: list[Record] = []
    for _ in range(10):
        records = [
            world.query(json.dumps(data | {"query_id": str(uuid4())}).encode()) for _ in range(3)
        ]
        await world.queries.answer(records)
    assert [set(each) for each in world.queries.uses._counted.values()] == [
        {record.coordinates for record in records}
    ]


# --- what it costs ---


class _NeverAsked:
    """A database's method that must not be called."""

    async def __call__(self, *_: object, **__: object) -> Any:
        raise AssertionError("a statement more than without limits")


@pytest.mark.parametrize("by", [GUEST, STAFF])
async def test_without_a_limit_there_is_no_statement_more(
    monkeypatch: pytest.MonkeyPatch, by: Principal
) -> None:
    only_admins = Limits(MINUTE, {Admin: dict.fromkeys(OperationClass, 1)})
    for limits in (Limits(), only_admins):
        world = World(limits=limits)
        for owner in (FakeTransaction, FakeUseCounts):
            monkeypatch.setattr(owner, "count_uses", _NeverAsked())
        booking = await world.booked(by=by, guest_id=GUEST.id)
        assert (await world.ask("get_booking", {"booking_id": booking["id"]}, by=by)).status == 200


async def test_old_counters_are_forgotten_once_in_a_while() -> None:
    world = limited_to(9)
    limits = world.queries.limits
    tidying = Tidying(world.database.counts, limits)
    world.create(booking_time=TOMORROW)
    await world.deliver()
    assert await tidying.tidy(world.now) == 0
    world.later(hours=1, minutes=2, seconds=1)
    world.create(booking_time=TOMORROW + timedelta(hours=3))
    await world.deliver()
    assert await tidying.tidy(world.now) == 1
    world.later(hours=2)
    assert await Tidying(world.database.counts, Limits()).tidy(world.now) == 0
    assert await tidying.tidy(world.now) == 1
    assert uses(world) == 0
