"""A repeat is judged by who sends it now: nobody hears another's outcome, or one lost sight of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from domain.booking import VenueType
from domain.effects import CreateIntent, Declined, ReserveInventory
from domain.principal import Business, Principal
from domain.rules import ConflictScope, Fallback, Rules
from tests.handlers.invariants import assert_nothing_is_held_for_nobody
from tests.handlers.world import (
    ADMIN,
    ELSEWHERE,
    FAR_AWAY,
    GUEST,
    NOW,
    STAFF,
    STAFF_OF_NOBODY,
    STRANGER,
    VENUE,
    VENUES,
    Reply,
    World,
    a_create,
    home_of,
)

FIRST = UUID("00000000-0000-4000-8000-0000000000d1")
OTHER = UUID("00000000-0000-4000-8000-0000000000d2")
KEY = "k"
DISMISSED = Business(STAFF.id, frozenset({ELSEWHERE}))
"""The same member of staff, of the venue where the bookings are no more."""
MOVED = Business(STAFF.id, frozenset({VENUE}))
PROMOTED = Business(STAFF.id, frozenset(VENUES))

POOLED = Rules(
    fallback=Fallback(is_allowed=False),
    conflict_scope={VenueType.RESTAURANT: ConflictScope.INVENTORY},
)
Booking = dict[str, Any]
Command = tuple[str, dict[str, Any]]

SECRETS = ("Ann Unseen", "unseen@example.org", "difficult")


async def a_world(rules: Rules = POOLED) -> tuple[World, Booking]:
    """Creates do not stand in each other's way, so what is heard of them has other reasons."""
    world = World(rules)
    booking = await world.booked(
        by=STAFF,
        source="phone",
        guest_id=GUEST.id,
        guest_name=SECRETS[0],
        guest_email=SECRETS[1],
        internal_notes=SECRETS[2],
        command_id=UUID("00000000-0000-4000-8000-0000000000d0"),
    )
    return world, booking


def about(type_: str, **fields: Any) -> Callable[[Booking], Command]:
    return lambda booking: (type_, {"booking_id": booking["id"], **fields})


# What somebody does with a booking at VENUE, and how it ends for those who may.
ON_A_BOOKING: dict[str, Callable[[Booking], Command]] = {
    "done": about("cancel_booking", reason="rain"),
    "updated": about("update_booking", expected_version=1, party_size=3),
    "moved": about("update_booking_status", status="confirmed"),
    "version conflict": about("cancel_booking", expected_version=7),
    "a status nobody sets": about("update_booking_status", status="expired"),
}
OF_THE_VENUE: dict[str, Callable[[Booking], Command]] = {
    "no such step": about("update_booking_status", status="completed"),
    "refund too high": about("cancel_booking", refund_amount="999999.00"),
    "too soon": about("update_booking_status", status="no_show"),
    "paid there": about("update_booking_status", status="confirmed", payment="at_venue"),
}
CREATES: dict[str, dict[str, Any]] = {
    "created": {},
    "refused": {"booking_time": NOW},
    "forbidden": {"venue_id": FAR_AWAY, "internal_notes": "x"},
    "not valid": {"party_size": 0},
}


def send(world: World, command: Command, by: Principal, id_: UUID, **fields: Any) -> None:
    type_, data = command
    world.send(type_, data, by=by, command_id=id_, partition=home_of(VENUE), **fields)


async def heard(world: World, command: Command, by: Principal, id_: UUID, **fields: Any) -> Reply:
    """The reply to it alone."""
    before = len(world.replies)
    send(world, command, by, id_, **fields)
    await world.settle()
    (reply,) = world.replies[before:]
    return reply


# --- somebody else ---


@pytest.mark.parametrize("who", [STRANGER, STAFF_OF_NOBODY])
@pytest.mark.parametrize("outcome", ON_A_BOOKING)
@pytest.mark.parametrize("batches", [1, 2])
async def test_anothers_id_and_key_are_as_if_nobody_had_used_them(
    who: Principal, outcome: str, batches: int
) -> None:
    world, booking = await a_world()
    untouched, _ = await a_world()
    command = ON_A_BOOKING[outcome](booking)
    send(world, command, GUEST, FIRST, key=KEY)
    if batches == 2:
        await world.settle()
    replies = []
    for each in (world, untouched):
        send(each, command, who, FIRST, key=KEY)
        send(each, command, who, OTHER, key=KEY)
        await each.settle()
        replies.append([reply.output for reply in each.replies[-2:]])
    assert replies[0] == replies[1]
    assert [reply.code for reply in world.replies[-2:]] == ["booking_not_found"] * 2


@pytest.mark.parametrize("who", [STRANGER, STAFF_OF_NOBODY, ADMIN])
@pytest.mark.parametrize("outcome", CREATES)
async def test_anothers_create_is_as_if_nobody_had_sent_it(who: Principal, outcome: str) -> None:
    create = ("create_booking", a_create(guest_id=GUEST.id, **CREATES[outcome]))
    world, untouched = World(POOLED), World(POOLED)
    await heard(world, create, GUEST, FIRST, key=KEY)
    replies = [await heard(each, create, who, FIRST, key=KEY) for each in (world, untouched)]
    # The inventory, which knows what it holds, gives another table.
    first, second = (reply.output.value.replace(b"table-2", b"table-1") for reply in replies)
    assert first == second
    assert not replies[0].is_replayed


async def test_a_role_is_a_principal_of_its_own_whatever_the_subject() -> None:
    world, booking = await a_world()
    cancel = ON_A_BOOKING["done"](booking)
    first = await heard(world, cancel, STAFF, FIRST, key=KEY)
    as_admin = await heard(world, cancel, type(ADMIN)(STAFF.id), FIRST, key=KEY)
    assert (first.status, as_admin.code) == (200, "invalid_transition")


# --- the same principal, with fewer rights than when the first one was decided ---


@pytest.mark.parametrize("outcome", ON_A_BOOKING | OF_THE_VENUE)
@pytest.mark.parametrize("repeat", ["id", "key", "both", "in one batch"])
async def test_who_lost_sight_of_a_booking_hears_no_outcome_of_it_again(
    outcome: str, repeat: str
) -> None:
    world, booking = await a_world()
    command = (ON_A_BOOKING | OF_THE_VENUE)[outcome](booking)
    key = None if repeat == "id" else KEY
    send(world, command, STAFF, FIRST, key=key)
    if repeat != "in one batch":
        await world.settle()
    send(world, command, DISMISSED, OTHER if repeat == "key" else FIRST, key=key)
    calls = len(world.partners.calls)
    await world.settle()
    _, _, reply = world.replies
    assert len(world.partners.calls) == calls or repeat == "in one batch"
    missing = ("cancel_booking", {"booking_id": str(OTHER)})
    unknown = await heard(world, missing, STRANGER, UUID(int=9))
    assert reply.code == unknown.code == "booking_not_found"
    assert reply.body["error"] == unknown.body["error"]
    assert reply.headers.keys() == unknown.headers.keys()
    assert not [secret for secret in SECRETS if secret.encode() in reply.output.value]


@pytest.mark.parametrize("outcome", ["created", "refused"])
@pytest.mark.parametrize("repeat", ["id", "key"])
async def test_who_lost_a_venue_hears_no_outcome_of_a_create_there(
    outcome: str, repeat: str
) -> None:
    world = World(POOLED)
    create = ("create_booking", a_create(guest_id=GUEST.id, **CREATES[outcome]))
    await heard(world, create, STAFF, FIRST, key=KEY)
    id_ = FIRST if repeat == "id" else OTHER
    reply = await heard(world, create, DISMISSED, id_, key=KEY)
    assert (reply.status, reply.code, reply.is_replayed) == (403, "forbidden", False)


@pytest.mark.parametrize("outcome", ON_A_BOOKING)
@pytest.mark.parametrize("who", [MOVED, PROMOTED])
async def test_who_still_sees_the_booking_hears_the_first_outcome(
    who: Principal, outcome: str
) -> None:
    world, booking = await a_world()
    command = ON_A_BOOKING[outcome](booking)
    first = await heard(world, command, STAFF, FIRST, key=KEY)
    for id_ in (FIRST, OTHER):
        again = await heard(world, command, who, id_, key=KEY)
        assert again.output.value == first.output.value
        assert again.is_replayed


@pytest.mark.parametrize("outcome", ON_A_BOOKING)
async def test_what_was_not_found_stays_so_whether_or_not_it_is_there(outcome: str) -> None:
    """Whoever never saw it learns nothing by repeating: not even that there is something."""
    for rights in (STAFF_OF_NOBODY, Business(STAFF_OF_NOBODY.id, frozenset({ELSEWHERE}))):
        world, booking = await a_world()
        empty = World(POOLED)
        over = [("deadline", b"2026-06-01T11:00:00Z")]
        replies = []
        for each in (world, empty):
            command = ON_A_BOOKING[outcome](booking)
            await heard(each, command, STAFF_OF_NOBODY, FIRST, key=KEY, headers=over)
            await heard(each, command, STAFF_OF_NOBODY, OTHER)
            replies.append(
                [
                    (await heard(each, command, rights, FIRST, key=KEY, headers=over)).output,
                    (await heard(each, command, rights, OTHER)).output,
                ]
            )
        assert replies[0] == replies[1]


async def test_a_redelivery_is_not_judged_again_by_any_rights() -> None:
    world, booking = await a_world()
    send(world, ON_A_BOOKING["done"](booking), STAFF, FIRST)
    first = await world.deliver(abort=True)
    assert await world.deliver() == first


async def test_who_lost_sight_of_a_booking_does_not_go_on_with_what_was_begun() -> None:
    """The sweeper ends it; nobody hears of it who may not."""
    world, booking = await a_world()
    update = about("update_booking", expected_version=1, party_size=4)(booking)
    send(world, update, STAFF, FIRST, key=KEY)
    world.partners.answers(CreateIntent, _Dead(), lands=True)
    with pytest.raises(_Dead):
        await world.deliver()
    world.partners.heal()
    world.forget(world.log[-1])
    for id_ in (FIRST, OTHER):
        reply = await heard(world, update, DISMISSED, id_, key=KEY)
        assert (reply.code, reply.is_replayed) == ("booking_not_found", False)
    world.later(minutes=3)
    assert await world.sweep()
    await world.settle()
    assert world.bookings[UUID(booking["id"])].version == 1
    world.later(minutes=3)
    await world.sweep()
    await world.settle()
    assert_nothing_is_held_for_nobody(world)
    assert not world.partners.effects(ReserveInventory)[1:]


async def test_a_declined_card_is_told_to_nobody_else() -> None:
    world = World(POOLED)
    world.partners.answers(CreateIntent, Declined("no funds"))
    create = ("create_booking", a_create(guest_id=GUEST.id))
    first = await heard(world, create, STAFF, FIRST, key=KEY)
    assert first.code == "payment_declined"
    again = await heard(world, create, DISMISSED, FIRST, key=KEY)
    assert (again.code, again.is_replayed) == ("forbidden", False)


class _Dead(BaseException):
    """The process is gone."""
