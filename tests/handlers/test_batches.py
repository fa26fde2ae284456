"""A batch is done side by side, and comes out as if it had been done one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.effects import CreateIntent, Declined, ReserveInventory
from tests.handlers.invariants import assert_sound
from tests.handlers.world import ADMIN, ELSEWHERE, GUEST, STRANGER, VENUE, World

ITEM: dict[str, Any] = {"inventory_item_id": "table-1"}


async def test_a_create_after_a_cancellation_gets_its_slot(world: World) -> None:
    booking = await world.booked(**ITEM)
    world.cancel(booking)
    asked = world.create(**ITEM, hour=1)
    await world.deliver()
    assert world.reply_to(asked).status == 201


async def test_a_create_before_a_cancellation_does_not(world: World) -> None:
    booking = await world.booked(**ITEM)
    asked = world.create(**ITEM, hour=1)
    world.cancel(booking)
    await world.deliver()
    assert world.reply_to(asked).code == "slot_unavailable"


async def test_a_create_after_an_update_gets_the_slot_that_it_left(world: World) -> None:
    booking = await world.booked(**ITEM)
    world.update(booking, booking_time="2026-06-02T18:00:00+00:00")
    asked = world.create(**ITEM)
    await world.deliver()
    assert world.reply_to(asked).status == 201


async def test_a_create_gets_the_slot_that_was_moved_to_and_then_cancelled(world: World) -> None:
    """What a booking gives up is what it has by then, not what it had before the batch."""
    booking = await world.booked(**ITEM)
    world.update(booking, booking_time="2026-06-02T18:00:00+00:00")
    world.cancel(booking)
    asked = world.create(**ITEM, hour=6)
    await world.deliver()
    assert world.reply_to(asked).status == 201


async def test_a_create_does_not_get_a_slot_that_is_given_up_behind_it(world: World) -> None:
    """Though it had to wait for an earlier cancellation, it comes before the later one."""
    early = await world.booked(**ITEM)
    late = await world.booked(**ITEM, hour=2)
    world.cancel(early)
    asked = world.create(**ITEM, hour=1)
    world.cancel(late)
    await world.deliver()
    assert world.reply_to(asked).code == "slot_unavailable"


async def test_a_create_that_has_to_wait_is_not_overtaken(world: World) -> None:
    booking = await world.booked(**ITEM)
    world.cancel(booking)
    first = world.create(**ITEM, hour=1)
    second = world.create(**ITEM, hour=2)
    await world.deliver()
    assert world.reply_to(first).status == 201
    assert world.reply_to(second).code == "slot_unavailable"


async def test_an_update_gets_the_slot_of_a_booking_cancelled_before_it(world: World) -> None:
    booking = await world.booked(**ITEM)
    other = await world.booked(**ITEM, hour=6)
    world.cancel(booking)
    moved = world.update(other, booking_time="2026-06-02T13:00:00+00:00")
    await world.deliver()
    assert world.reply_to(moved).status == 200


async def test_of_two_updates_at_one_version_the_first_counts(world: World) -> None:
    booking = await world.booked()
    first = world.update(booking, party_size=3)
    second = world.update(booking, party_size=4)
    await world.deliver()
    assert world.reply_to(first).status == 200
    assert world.reply_to(second).code == "version_conflict"
    assert world.reply_to(second).body["error"]["current_version"] == 2


async def test_of_forty_creates_for_one_slot_the_first_gets_it(world: World) -> None:
    asked = [world.create(**ITEM, key=f"k{n}") for n in range(40)]
    await world.deliver()
    answers = [world.reply_to(each).code for each in asked]
    assert answers == [None] + ["slot_unavailable"] * 39
    assert len(world.partners.effects(ReserveInventory)) == 1


async def test_of_ten_creates_with_one_key_one_is_done(world: World) -> None:
    asked = [world.create(key="k") for _ in range(10)]
    await world.deliver()
    assert len({world.reply_to(each).output.value for each in asked}) == 1
    assert len(world.partners.effects(ReserveInventory)) == len(world.bookings) == 1


async def test_claims_go_by_the_log_however_fast_their_partners_answer(world: World) -> None:
    """The first has no item yet when the second, who names one, could claim at once."""
    world.partners.items = ("table-1",)
    first = world.create()
    second = world.create(**ITEM)
    await world.deliver()
    assert world.reply_to(first).status == 201
    assert world.reply_to(second).code == "slot_unavailable"


async def test_the_whole_venue_conflicts_with_each_of_its_items(world: World) -> None:
    world.partners.items = None
    item = world.create(**ITEM)
    whole = world.create(hour=1)
    other_item = world.create(inventory_item_id="table-2")
    elsewhere = world.create(venue_id=ELSEWHERE)
    await world.deliver()
    codes = [world.reply_to(each).code for each in (item, whole, other_item, elsewhere)]
    assert codes == [None, "slot_unavailable", None, None]
    assert not world.database.tables.journal


async def test_each_of_a_hundred_is_recorded_as_its_own(world: World) -> None:
    """More than are recorded side by side, with others between them."""
    size = {n: n % 7 for n in range(100)}  # 0: refused
    asked = {n: world.create(inventory_item_id=f"t-{n}", party_size=size[n]) for n in size}
    await world.deliver()
    shown = {n: world.reply_to(each).body["data"] for n, each in asked.items()}
    done = {n: booking for n, booking in shown.items() if booking is not None}
    assert done.keys() == {n for n in size if size[n]}
    assert all(done[n]["inventory_item_id"] == f"t-{n}" for n in done)
    assert [event["payload"]["booking_id"] for event in world.events] == [
        booking["id"] for booking in done.values()
    ]
    assert {str(each) for each in world.bookings} == {booking["id"] for booking in done.values()}


async def test_outputs_come_in_the_order_of_their_records(world: World) -> None:
    booking = await world.booked(hour=9)
    asked = [
        world.create(),
        world.cancel(booking),
        world.create(party_size=0),
        world.create(hour=4),
    ]
    outputs = await world.deliver()
    replies = [o.key for o in outputs[0] if o.topic == "booking.replies"]
    assert replies == [str(each).encode() for each in asked]


# --- any batch against the same records one by one ---


@dataclass(frozen=True)
class Ask:
    """A command in terms of what it meets: few venues, items, hours, keys, ids and bookings."""

    kind: str
    venue: UUID
    item: str | None
    hour: int
    name: int
    key: str | None
    who: Any
    booking: int
    party_size: int
    hours: int


ASKS = st.builds(
    Ask,
    kind=st.sampled_from(["create"] * 4 + ["cancel", "update", "confirm", "repeat", "end"]),
    venue=st.sampled_from([VENUE, VENUE, ELSEWHERE]),
    item=st.sampled_from(["table-1", "table-1", "table-2"]),
    hour=st.integers(0, 3),
    name=st.integers(0, 30),
    key=st.sampled_from([None, None, "k", "l"]),
    who=st.sampled_from([GUEST] * 5 + [STRANGER]),
    booking=st.integers(0, 3),
    party_size=st.integers(1, 2),
    hours=st.integers(1, 2),
)
STANDING = [
    (VENUE, "table-1", 0),
    (VENUE, "table-2", 2),
    (ELSEWHERE, "table-1", 1),
    (VENUE, "table-1", 3),
]


async def _prepared(asks: list[Ask]) -> World:
    world = World()
    standing = [
        await world.booked(venue_id=venue, inventory_item_id=item, hour=hour, duration_minutes=60)
        for venue, item, hour in STANDING
    ]
    for ask in asks:
        _send(world, ask, standing[ask.booking])
    return world


def _send(world: World, ask: Ask, booking: dict[str, Any]) -> None:
    sending: dict[str, Any] = {"by": ask.who, "key": ask.key}
    sending["command_id"] = uuid5(VENUE, f"{ask.kind if ask.name > 3 else ''}{ask.name}")
    match ask.kind:
        case "cancel":
            world.cancel(booking, **sending)
        case "confirm":
            world.move(booking, "confirmed", **sending)
        case "end":
            sending["by"] = ADMIN
            world.move(booking, "cancelled", **sending)
        case "update":
            moved = f"2026-06-02T{12 + ask.hour}:00:00+00:00"
            world.update(booking, booking_time=moved, **sending)
        case "repeat" if world.log:
            last = world.log[-1]
            world.send_bytes(last.value, partition=last.partition, headers=last.headers)
        case _:
            world.create(
                venue_id=ask.venue,
                inventory_item_id=ask.item,
                hour=ask.hour,
                duration_minutes=60 * ask.hours,
                party_size=ask.party_size,
                **sending,
            )


def _seen(world: World) -> dict[str, Any]:
    tables = world.database.tables
    return {
        "published": sorted(world.published, key=lambda output: (repr(output), output.value)),
        "bookings": tables.bookings,
        "claims": {id_: standing.claim for id_, standing in tables.claims.items()},
        "keys": {id_: key.row_id for id_, key in tables.keys.items()},
        "outcomes": tables.outcomes,
        "history": tables.history,
        "effects": sorted(world.partners.ledger, key=lambda effect: effect.call.key),
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ASKS, min_size=1, max_size=14))
async def test_a_batch_comes_out_as_its_records_would_one_by_one(asks: list[Ask]) -> None:
    together, alone = await _prepared(asks), await _prepared(asks)
    await together.settle()
    while await alone.deliver(at_most=1):
        pass
    assert _seen(together) == _seen(alone)
    assert_sound(together)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ASKS, min_size=1, max_size=10), st.data())
async def test_whoever_is_refused_late_the_world_stays_sound(asks: list[Ask], data: Any) -> None:
    world = await _prepared(asks)
    unlucky = data.draw(st.integers(1, 3))
    world.partners.answers(
        CreateIntent,
        Declined("no funds"),
        times=99,
        about=lambda call: UUID(call.key).int % 3 < unlucky,
    )
    crash_at = data.draw(st.integers(1, 60))
    world.points.seen.clear()
    world.points.crash_at = crash_at
    try:
        await world.settle()
    except BaseException as crash:
        if type(crash).__name__ != "Crash":
            raise
        world.points.crash_at = None
        while await world.deliver(at_most=data.draw(st.integers(1, 5))):
            pass
    assert_sound(world)


async def test_what_is_refused_between_others_takes_nothing_of_theirs(world: World) -> None:
    first = world.create(**ITEM)
    refused = world.create(**ITEM)
    second = world.create(**ITEM, hour=6)
    await world.deliver()
    assert world.reply_to(refused).code == "slot_unavailable"
    booked = [world.reply_to(each).booking["id"] for each in (first, second)]
    assert [event["payload"]["booking_id"] for event in world.events] == booked
    told = {str(row["message_id"]): row["booking_reference"] for row in world.audited("command")}
    assert list(told) == [str(first), str(refused), str(second)]
    references = [world.reply_to(each).booking["booking_reference"] for each in (first, second)]
    assert [told[str(first)], told[str(second)]] == references
    assert_sound(world, first, refused, second)
