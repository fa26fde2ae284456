"""Who did what: one entry for each command that is decided, one for each look at others' data."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.effects import CreateIntent, Declined, RefundPayment, ReserveInventory
from domain.principal import Principal
from handlers.audit import Auditor
from handlers.ports import AuditEntry, ChainMoved, DatabaseAway, Kind
from tests.handlers.invariants import assert_every_end_is_audited_once
from tests.handlers.world import (
    ADMIN,
    AUDIT_KEYS,
    ELSEWHERE,
    GUEST,
    STAFF,
    STAFF_OF_NOBODY,
    STRANGER,
    VENUE,
    Crash,
    World,
    a_create,
)

PERSONAL: dict[str, Any] = {
    "guest_name": "Ada Personal",
    "guest_email": "personal@example.org",
    "guest_phone": "+49 30 personal",
    "special_requests": "a personal wish",
    "metadata": {"personal": "yes"},
}
ITEM: dict[str, Any] = {"inventory_item_id": "table-1"}


def last(world: World, kind: str | None = None) -> dict[str, Any]:
    return dict(world.audited(kind)[-1])


def told(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


# --- what is decided ---


async def test_a_create_says_who_made_which_booking_from_which_record(world: World) -> None:
    booking = await world.booked(**PERSONAL)
    (row,) = world.audited()
    record = world.log[-1]
    assert row == {
        **row,
        "chain": "booking.commands/0",
        "sequence": 1,
        "at": world.now.isoformat(timespec="microseconds"),
        "kind": "command",
        "role": "guest",
        "subject": str(GUEST.id),
        "operation": "create_booking",
        "outcome": "allowed",
        "code": None,
        "effect": "created",
        "message_id": json.loads(record.value or b"")["command_id"],
        "topic": "booking.commands",
        "partition": 0,
        "log_offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "booking_id": booking["id"],
        "booking_reference": booking["booking_reference"],
        "guest_id": str(GUEST.id),
        "venue_id": str(VENUE),
        "version": 1,
        "shown": None,
        "key_id": "k1",
    }


async def created(world: World) -> None:
    world.create()


async def refused_by_the_slot(world: World) -> None:
    await world.booked(**ITEM)
    world.create(**ITEM)


async def not_valid(world: World) -> None:
    world.create(party_size=0)


async def never_allowed(world: World) -> None:
    world.create(internal_notes="personal", by=GUEST)


async def somebody_elses(world: World) -> None:
    world.cancel(await world.booked(), by=STRANGER)


async def of_no_booking(world: World) -> None:
    world.send("cancel_booking", {"booking_id": str(VENUE)})


async def updated(world: World) -> None:
    world.update(await world.booked(), party_size=3)


async def confirmed(world: World) -> None:
    world.move(await world.booked(), "confirmed")


async def cancelled_by_staff(world: World) -> None:
    world.cancel(await world.booked(), by=STAFF, reason="personal")


async def expired(world: World) -> None:
    await world.booked()
    world.later(minutes=16)
    await world.sweep()


async def owed(world: World) -> None:
    booking = await world.booked()
    world.move(booking, "confirmed")
    world.cancel(booking)
    world.partners.is_away_for(RefundPayment, times=100)
    await world.settle()
    world.later(minutes=1)
    assert await world.sweep() == 1


async def given_back(world: World) -> None:
    world.partners.answers(CreateIntent, Declined("no funds"))
    world.create()


async def a_bug(world: World) -> None:
    world.partners.answers(ReserveInventory, KeyError("personal"))
    world.create()


async def a_key_again(world: World) -> None:
    world.create(key="k")
    await world.settle()
    world.create(key="k")


async def a_key_twice_at_once(world: World) -> None:
    world.create(key="k")
    world.create(key="k")


async def forwarded(world: World) -> None:
    world.create(partition=1)


Doing = Callable[[World], Awaitable[None]]


@pytest.mark.parametrize(
    ("doing", "expected"),
    [
        (created, ("guest", "create_booking", None, "created")),
        (refused_by_the_slot, ("guest", "create_booking", "slot_unavailable", None)),
        (not_valid, ("guest", "create_booking", "validation_failed", None)),
        (never_allowed, ("guest", "create_booking", "forbidden", None)),
        (somebody_elses, ("guest", "cancel_booking", "booking_not_found", None)),
        (of_no_booking, ("guest", "cancel_booking", "booking_not_found", None)),
        (updated, ("guest", "update_booking", None, "updated")),
        (confirmed, ("guest", "update_booking_status", None, "confirmed")),
        (cancelled_by_staff, ("business", "cancel_booking", None, "cancelled")),
        (expired, ("system", "expire_booking", None, "expired")),
        (owed, ("system", "settle_undo", None, "still_owed")),
        (given_back, ("guest", "create_booking", "payment_declined", None)),
        (a_bug, ("guest", "create_booking", "internal_error", None)),
        (a_key_again, ("guest", "create_booking", None, "answered_again")),
        (a_key_twice_at_once, ("guest", "create_booking", None, "answered_again")),
        (forwarded, ("guest", "create_booking", None, "created")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_every_outcome_has_one_entry(
    world: World, doing: Doing, expected: tuple[str, ...]
) -> None:
    await doing(world)
    await world.settle()
    assert told(last(world), "role", "operation", "code", "effect") == expected
    assert_every_end_is_audited_once(world)
    assert "personal" not in json.dumps([dict(row) for row in world.audited()])


async def test_an_undo_that_is_settled_says_so(world: World) -> None:
    booking = await world.booked()
    world.move(booking, "confirmed")
    world.cancel(booking)
    world.partners.is_away_for(RefundPayment)
    await world.settle()
    world.later(minutes=1)
    await world.sweep()
    await world.settle()
    assert told(last(world), "operation", "effect", "version") == ("settle_undo", "updated", 4)
    assert_every_end_is_audited_once(world)


async def test_a_command_that_another_ones_record_ends_has_its_own_entry(world: World) -> None:
    command_id = world.create()
    world.points.crash_at = 3
    with pytest.raises(Crash):
        await world.deliver()
    world.points.crash_at = None
    world.forget(*world.log)
    world.later(minutes=5)
    await world.sweep()
    await world.settle()
    one, other = world.audited()
    assert told(dict(one), "role", "operation", "code") == (
        "guest",
        "create_booking",
        "internal_error",
    )
    assert one["message_id"] == str(command_id)
    assert told(dict(other), "role", "operation", "effect") == (
        "system",
        "end_command",
        "ended_command",
    )
    assert_every_end_is_audited_once(world)


async def test_a_forwarded_command_names_the_record_that_its_client_sent(world: World) -> None:
    world.create(partition=1)
    await world.settle()
    assert told(last(world), "chain", "partition", "log_offset") == ("booking.commands/0", 1, 0)


@pytest.mark.parametrize("value", [b"junk", None])
async def test_what_stores_nothing_has_no_entry(world: World, value: bytes | None) -> None:
    world.send_bytes(value)
    world.create(by=None)
    await world.settle()
    assert world.audited() == []


async def test_a_role_that_may_never_do_this_is_told_with_the_booking_it_meant(
    world: World,
) -> None:
    booking = await world.booked()
    world.move(booking, "checked_in", by=GUEST)
    await world.settle()
    assert told(last(world), "code", "booking_id") == ("forbidden", booking["id"])


# --- what comes again ---


async def test_a_redelivery_and_a_replay_have_none(world: World) -> None:
    world.create()
    await world.deliver(abort=True)
    assert len(world.audited()) == 1
    await world.deliver()
    await world.rewind()
    await world.settle()
    assert len(world.audited()) == 1


async def test_a_repeat_that_shows_a_guests_data_to_somebody_else_is_told(world: World) -> None:
    booking = await world.booked(by=STAFF, guest_id=GUEST.id)
    world.publish_again()
    await world.settle()
    assert told(last(world), "kind", "subject", "effect", "booking_id") == (
        "repeat",
        STAFF.id,
        "shown_again",
        booking["id"],
    )
    assert last(world)["log_offset"] == world.log[-1].offset
    assert_every_end_is_audited_once(world)


@pytest.mark.parametrize(("by", "party_size"), [(GUEST, 2), (STAFF, 0)])
async def test_a_repeat_that_shows_nobodys_data_is_not(
    world: World, by: Principal, party_size: int
) -> None:
    world.create(by=by, guest_id=GUEST.id, party_size=party_size)
    world.publish_again()
    await world.settle()
    assert len(world.replies) == 2
    assert len(world.audited()) == 1


async def test_an_id_that_is_used_again_for_something_else_is_told(world: World) -> None:
    command_id = world.create()
    await world.settle()
    world.create(command_id=command_id, party_size=7)
    await world.settle()
    assert told(last(world), "kind", "code", "venue_id") == (
        "repeat",
        "command_id_reused",
        str(VENUE),
    )
    assert_every_end_is_audited_once(world)


# --- who saw what ---


async def test_a_guest_who_looks_at_their_own_is_not_told(world: World) -> None:
    booking = await world.booked()
    before = world.audited()
    await world.ask("get_booking", {"booking_id": booking["id"]})
    await world.ask("get_booking_history", {"booking_id": booking["id"]})
    await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)})
    await world.ask("check_availability", a_create(), by=STAFF)
    assert world.audited() == before


@pytest.mark.parametrize("by", [STAFF, ADMIN])
@pytest.mark.parametrize(
    ("type_", "effect"),
    [
        ("get_booking", "guest_data"),
        ("get_booking_by_reference", "guest_data"),
        ("get_booking_history", "history"),
    ],
)
async def test_business_and_admin_who_look_at_a_booking_are(
    world: World, by: Principal, type_: str, effect: str
) -> None:
    booking = await world.booked(**PERSONAL)
    name = "booking_reference" if type_.endswith("reference") else "booking_id"
    value = booking["booking_reference" if type_.endswith("reference") else "id"]
    assert (await world.ask(type_, {name: value}, by=by)).status == 200
    (row,) = world.audited("query")
    assert row == {
        **row,
        "chain": "booking.queries/0",
        "role": by.label.partition(":")[0],
        "operation": type_,
        "outcome": "allowed",
        "effect": effect,
        "booking_id": booking["id"],
        "booking_reference": booking["booking_reference"],
        "guest_id": str(GUEST.id),
        "venue_id": str(VENUE),
        "message_id": str(uuid5(VENUE, "query")),
        "shown": None,
    }
    assert "ersonal" not in json.dumps(row)


async def test_a_list_names_all_bookings_that_it_showed(world: World) -> None:
    made = [await world.booked(hour=hour) for hour in (0, 4, 8)]
    data = {"venue_id": str(VENUE), "limit": 2}
    reply = await world.ask("list_venue_bookings", data, by=STAFF)
    shown = [each["id"] for each in reply.body["data"]["items"]]
    assert shown == [made[2]["id"], made[1]["id"]]
    row = last(world)
    assert row["shown"] == ",".join(shown)
    assert told(row, "effect", "venue_id", "guest_id", "booking_id") == (
        "guest_data_list",
        str(VENUE),
        None,
        None,
    )
    await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)}, by=ADMIN)
    assert told(last(world), "guest_id", "venue_id") == (str(GUEST.id), None)


async def test_a_list_that_shows_nothing_is_not_told(world: World) -> None:
    await world.booked()
    before = world.audited()
    await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)}, by=STAFF_OF_NOBODY)
    await world.ask("list_venue_bookings", {"venue_id": str(ELSEWHERE)}, by=STAFF)
    assert world.audited() == before


@pytest.mark.parametrize("type_", ["get_booking", "get_booking_history"])
@pytest.mark.parametrize("by", [STRANGER, STAFF_OF_NOBODY])
async def test_who_is_refused_somebody_elses_booking_is_told(
    world: World, by: Principal, type_: str
) -> None:
    booking = await world.booked()
    assert (await world.ask(type_, {"booking_id": booking["id"]}, by=by)).status == 404
    assert told(last(world, "query"), "role", "outcome", "code", "effect", "booking_id") == (
        by.label.partition(":")[0],
        "refused",
        "booking_not_found",
        None,
        booking["id"],
    )


async def test_who_is_refused_a_list_is_told(world: World) -> None:
    await world.ask("list_venue_bookings", {"venue_id": str(VENUE)}, by=GUEST)
    assert told(last(world), "code", "venue_id") == ("forbidden", str(VENUE))
    await world.ask("list_guest_bookings", {"guest_id": str(STRANGER.id)}, by=GUEST)
    assert told(last(world), "code", "guest_id") == ("forbidden", str(STRANGER.id))


@pytest.mark.parametrize("by", [GUEST, STAFF, ADMIN])
async def test_what_does_not_exist_is_refused_because_of_nobody(
    world: World, by: Principal
) -> None:
    nothing = UUID("00000000-0000-4000-8000-0000000000ff")
    assert (await world.ask("get_booking", {"booking_id": str(nothing)}, by=by)).status == 404
    assert (await world.ask("get_booking", {"booking_id": "nothing"}, by=by)).status == 400
    assert world.audited() == []


async def test_no_answer_comes_before_its_entry_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await world.booked()

    async def away(*_: object) -> None:
        raise DatabaseAway("the log cannot be written")

    monkeypatch.setattr("tests.fakes.transaction.FakeTransaction.append_audit", away)
    with pytest.raises(DatabaseAway):
        await world.ask("get_booking", {"booking_id": booking["id"]}, by=STAFF)
    assert (await world.ask("get_booking", {"booking_id": booking["id"]})).status == 200


async def test_a_chain_that_moves_all_the_time_is_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, tries = AuditEntry("c", Kind.OPERATOR, "operator", "me", "why"), []

    async def moved(*_: object) -> None:
        tries.append(1)
        if len(tries) != 3:
            raise ChainMoved("somebody else was quicker")

    monkeypatch.setattr("tests.fakes.transaction.FakeTransaction.append_audit", moved)
    await Auditor(AUDIT_KEYS).write(world.database.audit, [entry])
    assert len(tries) == 3
    with pytest.raises(DatabaseAway):
        await Auditor(AUDIT_KEYS).write(world.database.audit, [entry])
