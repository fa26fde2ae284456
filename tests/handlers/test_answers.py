"""Every command gets exactly one reply, and the right one."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from domain.effects import (
    CheckCapacity,
    CreateIntent,
    Declined,
    GetQuote,
    ReserveInventory,
)
from tests.handlers.world import (
    ADMIN,
    ELSEWHERE,
    GUEST,
    NOW,
    STAFF,
    STAFF_OF_NOBODY,
    STRANGER,
    TOMORROW,
    World,
    a_create,
    bearer,
)

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")
NO_BOOKING = {"id": str(SOME_ID), "venue_id": str(ELSEWHERE), "version": 1}


async def test_a_create_is_answered_and_told_to_everybody(world: World) -> None:
    command_id = world.create()
    await world.deliver()
    reply = world.reply_to(command_id)
    assert reply.status == 201
    assert reply.booking["status"] == "pending"
    assert reply.booking["payment_client_secret"] == "secret"
    assert not reply.is_replayed
    assert world.event_types == ["booking.created"]
    assert world.events[0]["payload"]["booking_version"] == 1


async def test_a_day_in_a_bookings_life_numbers_its_versions_without_gaps(world: World) -> None:
    booking = await world.booked()
    world.update(booking, party_size=3)
    await world.settle()
    world.move(booking, "confirmed")
    await world.settle()
    world.later(hours=23)
    world.move(booking, "checked_in", by=STAFF)
    await world.settle()
    world.later(hours=2)
    world.move(booking, "completed", by=STAFF)
    await world.settle()
    assert [reply.status for reply in world.replies] == [201, 200, 200, 200, 200]
    seen = [(e["event_type"], e["payload"]["booking_version"]) for e in world.events]
    assert seen == [
        ("booking.created", 1),
        ("booking.updated", 2),
        ("booking.confirmed", 3),
        ("booking.status_changed", 3),
        ("booking.checked_in", 4),
        ("booking.status_changed", 4),
        ("booking.completed", 5),
        ("booking.status_changed", 5),
    ]
    assert not world.database.tables.claims
    assert not world.partners.held


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"not json",
        b"[]",
        b"\xef\xbb\xbf{}",
        b'{"type": "create_booking", "command_id": "no uuid", "data": {}}',
        b'{"type": "no_such_thing", "command_id": "00000000-0000-4000-8000-0000000000d1"}',
        b'{"type": "create_booking", "command_id": "%s", "data": NaN}' % str(SOME_ID).encode(),
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'"' + b"x" * 10_000_000 + b'"',
    ],
    ids=["null", "empty", "junk", "list", "bom", "id", "type", "nan", "deep", "10 MB"],
)
async def test_what_cannot_be_read_goes_to_the_dead_letter_and_hurts_nobody(
    world: World, value: bytes | None
) -> None:
    headers = [("authorization", bearer(GUEST)), ("correlation_id", b"c-1"), ("mine", b"x")]
    before, after = world.create(hour=0), UUID(int=0)
    world.send_bytes(value, headers=headers)
    after = world.create(hour=3)
    await world.deliver()
    assert world.reply_to(before).status == world.reply_to(after).status == 201
    (unreadable,) = [r for r in world.replies if r.headers["correlation_id"] == b"c-1"]
    assert (unreadable.status, unreadable.code) == (400, "unreadable")
    (letter,) = world.to("booking.dead-letter")
    largest = 1024 * 1024  # a letter has to fit into its topic
    assert (letter.key, world.opened(letter)) == (b"key", (value or b"")[:largest])
    told = dict(letter.headers)
    assert "authorization" not in told
    assert told["mine"] == b"x"
    assert told["dlq_reason"] == b"unreadable"
    assert (told["dlq_source_partition"], told["dlq_source_offset"]) == (b"0", b"1")


async def test_what_cannot_be_read_and_has_no_correlation_id_is_only_set_aside(
    world: World,
) -> None:
    world.send_bytes(b"junk", headers=[("correlation_id", b"\xff\xfe")])
    await world.deliver()
    assert not world.replies
    assert len(world.to("booking.dead-letter")) == 1


async def test_the_dead_letter_never_takes_a_strangers_word_for_where_it_came_from(
    world: World,
) -> None:
    world.send_bytes(b"junk", headers=[("dlq_source_offset", b"999"), ("dlq_reason", b"fine")])
    await world.deliver()
    (letter,) = world.to("booking.dead-letter")
    told = [value for name, value in letter.headers if name == "dlq_source_offset"]
    assert told == [b"0"]


async def test_a_stranger_without_a_token_is_told_so_and_nothing_is_stored(world: World) -> None:
    command_id = world.create(by=None)
    await world.deliver()
    assert (world.reply_to(command_id).status, world.reply_to(command_id).code) == (
        401,
        "unauthenticated",
    )
    assert not world.database.tables.starts
    world.create(command_id=command_id)
    await world.deliver()
    assert [reply.status for reply in world.replies] == [401, 201]


@pytest.mark.parametrize(
    "token",
    [
        b"Bearer nonsense",
        bearer(GUEST)[:-2] + b"xx",
        bearer(GUEST, NOW - timedelta(minutes=10)),
        b"\xff" * 100_000,
    ],
    ids=["nonsense", "forged", "expired", "huge"],
)
async def test_a_token_that_does_not_hold_is_unauthenticated(world: World, token: bytes) -> None:
    command_id = world.create(token=token)
    await world.deliver()
    assert world.reply_to(command_id).code == "unauthenticated"


async def test_every_wrong_field_is_named(world: World) -> None:
    command_id = world.create(
        party_size=0, nonsense=1, headers=[("deadline", b"tomorrow"), ("deadline", b"or so")]
    )
    await world.deliver()
    reply = world.reply_to(command_id)
    assert (reply.status, reply.code) == (400, "validation_failed")
    fields = {error["field"] for error in reply.body["error"]["errors"]}
    assert fields == {"data.party_size", "data.nonsense", "headers.deadline"}


async def test_a_guest_may_not_do_the_venues_work(world: World) -> None:
    booking = await world.booked()
    asked = [
        world.move(booking, "checked_in"),
        world.create(internal_notes="vip", hour=3),
        world.create(guest_id=STRANGER.id, hour=3),
        world.create(source="phone", hour=3),
        world.move(booking, "confirmed", payment="at_venue"),
        world.cancel(booking, refund_amount="1.00"),
        world.create(by=STAFF_OF_NOBODY, source="phone", hour=3),
    ]
    await world.deliver()
    assert [world.reply_to(each).code for each in asked] == ["forbidden"] * len(asked)


@pytest.mark.parametrize("type_", ["expire_booking", "settle_undo", "end_command"])
@pytest.mark.parametrize("by", [GUEST, STAFF, ADMIN])
async def test_a_system_command_from_a_stranger_is_forbidden_whatever_it_holds(
    world: World, type_: str, by: object
) -> None:
    booking = await world.booked()
    data = {"booking_id": booking["id"], "expected_version": 1, "attempt": 0}
    asked = [world.send(type_, data, by=by), world.send(type_, {"x": 1}, by=by)]  # type: ignore[arg-type]
    await world.deliver()
    assert [world.reply_to(each).code for each in asked] == ["forbidden", "forbidden"]
    assert world.bookings[UUID(booking["id"])].status == "pending"


async def test_somebody_elses_booking_is_not_found(world: World) -> None:
    booking = await world.booked()
    asked = [
        world.cancel(booking, by=STRANGER),
        world.cancel(booking, by=STAFF_OF_NOBODY),
        world.update(booking, by=STRANGER, party_size=3),
        world.move(booking, "confirmed", by=STRANGER),
        world.cancel(NO_BOOKING),
    ]
    await world.settle()
    assert {(world.reply_to(a).status, world.reply_to(a).code) for a in asked} == {
        (404, "booking_not_found")
    }


async def test_partners_that_are_away_are_told_apart(world: World) -> None:
    for kind, code in [
        (CheckCapacity, "inventory_unavailable"),
        (GetQuote, "pricing_unavailable"),
        (ReserveInventory, "inventory_unavailable"),
        (CreateIntent, "payment_failed"),
    ]:
        world.partners.is_away_for(kind)
        command_id = world.create()
        await world.settle()
        reply = world.reply_to(command_id)
        assert (reply.status, reply.code) == (500, code)
        assert reply.body["error"]["retryable"] is True
    assert not world.database.tables.claims
    assert not world.partners.held


async def test_a_full_house_and_a_declined_card_are_final(world: World) -> None:
    world.partners.answers(CreateIntent, Declined("no funds"))
    declined = world.create()
    await world.settle()
    world.partners.items = ()
    full = world.create()
    await world.settle()
    assert world.reply_to(declined).code == "payment_declined"
    assert world.reply_to(full).code == "no_capacity"
    assert not world.reply_to(full).body["error"]["retryable"]
    assert not world.partners.held


# --- the order of refusals ---


async def test_refusals_come_in_the_order_that_clients_rely_on(world: World) -> None:
    booking = await world.booked(key="k")
    invalid = a_create(party_size=0, internal_notes="forbidden to guests")
    over = [("deadline", (NOW - timedelta(hours=1)).isoformat().encode())]
    unauthenticated = world.send("create_booking", invalid, by=None)
    validation = world.send("create_booking", invalid)
    role = world.send(
        "create_booking", a_create(internal_notes="x", party_size=3), key="k", headers=over
    )
    by_key = world.create(party_size=3, key="k", headers=over)
    deadline = world.cancel(NO_BOOKING, partition=0, headers=over)
    missing = world.cancel(NO_BOOKING, partition=0, expected_version=7)
    version = world.move(booking, "no_show", by=STAFF, expected_version=7)
    transition = world.move(booking, "no_show", by=STAFF)
    await world.settle()
    asked = (
        unauthenticated,
        validation,
        role,
        by_key,
        deadline,
        missing,
        version,
        transition,
    )
    assert [world.reply_to(each).code for each in asked] == [
        "unauthenticated",
        "validation_failed",
        "forbidden",
        "idempotency_key_reused",
        "deadline_passed",
        "booking_not_found",
        "version_conflict",
        "invalid_transition",
    ]


async def test_the_id_is_judged_before_the_key(world: World) -> None:
    world.create(command_id=SOME_ID, key="k")
    world.create(command_id=SOME_ID, key="k", party_size=3)
    await world.deliver()
    assert [reply.code for reply in world.replies] == [None, "command_id_reused"]


async def test_rules_come_before_the_slot_and_the_slot_before_partners(world: World) -> None:
    await world.booked(inventory_item_id="table-1")
    calls = len(world.partners.calls)
    past = world.create(booking_time=NOW - timedelta(days=1), inventory_item_id="table-1")
    taken = world.create(inventory_item_id="table-1", hour=1)
    touching = world.create(inventory_item_id="table-1", hour=2)
    await world.deliver()
    assert world.reply_to(past).code == "booking_in_past"
    assert world.reply_to(taken).code == "slot_unavailable"
    assert world.reply_to(touching).status == 201
    assert {c.booking_time for c in world.partners.calls[calls:] if hasattr(c, "booking_time")} == {
        TOMORROW + timedelta(hours=2)
    }


# --- where replies go ---


async def test_a_reply_goes_where_its_client_asked_for_it(world: World) -> None:
    world.create(
        headers=[
            ("correlation_id", b"mine"),
            ("reply_to", b"booking.replies.shop"),
            ("reply_partition", b"1"),
            ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]
    )
    await world.deliver()
    (reply,) = world.replies
    assert (reply.output.topic, reply.output.partition) == ("booking.replies.shop", 1)
    assert reply.output.key == reply.headers["correlation_id"] == b"mine"
    assert reply.headers["content-type"] == b"application/json"
    assert reply.headers["traceparent"].startswith(b"00-0af7651916cd43dd8448eb211c80319c-")


async def test_springs_clients_get_their_opaque_bytes_back(world: World) -> None:
    opaque = bytes(range(240, 256))
    world.create(
        headers=[
            ("kafka_correlationId", opaque),
            ("kafka_replyTopic", b"booking.replies.shop"),
            ("kafka_replyPartition", b"\x00\x00\x00\x01"),
        ]
    )
    await world.deliver(abort=True)
    await world.deliver()
    (reply,) = world.replies
    assert (reply.output.topic, reply.output.partition) == ("booking.replies.shop", 1)
    assert reply.headers["kafka_correlationId"] == opaque
    assert world.event_types == ["booking.created"]


@pytest.mark.parametrize(
    "headers",
    [
        [("reply_to", b"booking.events")],
        [("reply_to", b"booking.repliesx")],
        [("reply_to", b"booking.replies.nobody")],
        [("reply_to", b"\xff")],
        [("reply_to", b"booking.replies.shop"), ("reply_partition", b"2")],
        [("reply_to", b"booking.replies.shop"), ("reply_partition", b"-1")],
        [("kafka_replyTopic", b"booking.commands")],
    ],
)
async def test_a_reply_that_may_not_go_there_goes_to_the_default_and_says_so(
    world: World, headers: list[tuple[str, bytes]]
) -> None:
    command_id = world.create(headers=headers)
    await world.deliver()
    reply = world.reply_to(command_id)
    assert (reply.output.topic, reply.output.partition) == ("booking.replies", None)
    assert reply.headers["reply_to_refused"] == b"true"
