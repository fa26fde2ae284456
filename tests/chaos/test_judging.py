"""The checker is checked: a story in order passes, and each planted fault is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from app.settings.audit import AuditSection
from handlers.audit_chain import linked
from handlers.ports import AuditEntry, Kind
from tests.chaos.judging import violations
from tests.chaos.orders import Order, an_order
from tests.service.builders import PERSONAL
from tests.service.callers import Caller
from tests.service.client import Sent
from tests.service.feed import Seen
from tests.service.story import Event, Story, event_of

START = datetime(2030, 5, 1, 18, tzinfo=UTC)
VENUE, BOOKING, OTHER = "a-venue", "a-booking", "another-booking"
GUEST = Caller("a-guest", "a token")
KEY = b"asked"
_TEXTS = (
    *("booking_reference", "guest_id", "venue_type", "venue_name"),
    *("price_source", "cancelled_by", "source"),
)
_MOMENTS = (
    *("created_at", "updated_at", "confirmed_at", "cancelled_at"),
    *("checked_in_at", "completed_at", "expires_at"),
)
_AMOUNTS = ("base_price", "tax_amount", "discount_amount", "total_price", "amount_paid")


def a_record(topic: str, key: bytes, body: Mapping[str, Any], offset: int = 0) -> Seen:
    value = json.dumps(body, default=str).encode()
    return ConsumerRecord(topic, 0, offset, 0, 0, key, value, None, 0, 0, ())


def an_event(row: Mapping[str, Any], version: int = 1, event_id: str = "e1") -> Event:
    payload = {**row, "booking_id": row["id"], "booking_version": version}
    body = {"event_id": event_id, "event_type": "booking.created", "payload": payload}
    return event_of(a_record("p.events", str(row["id"]).encode(), body))


def a_booking(**fields: Any) -> dict[str, Any]:
    """A row that was pending and is confirmed and paid for."""
    return {
        **dict.fromkeys(_TEXTS, "x"),
        **dict.fromkeys(_MOMENTS, START),
        **dict.fromkeys(_AMOUNTS, Decimal(5)),
        "amount_refunded": Decimal(0),
        "currency": "EUR",
        "payment_status": "succeeded",
        "payment_intent_id": "pi",
        "id": BOOKING,
        "venue_id": VENUE,
        "booking_time": START,
        "end_time": START + timedelta(hours=2),
        "duration_minutes": 120,
        "party_size": 2,
        "status": "pending",
        "version": 1,
        "inventory_item_id": None,
        "inventory_reservation_id": "res",
        **fields,
    }


def a_reply(status: int = 201, **data: Any) -> dict[str, Any]:
    body = {"id": BOOKING, "booking_reference": "x", **data}
    return {"operation": "create_booking", "status": status, "data": body, "error": None}


def a_create(command_id: str = "c1", key: bytes = KEY) -> Order:
    data = {"venue_id": VENUE}
    message = {"type": "create_booking", "command_id": command_id, "data": data}
    return an_order("create", "commands", GUEST, {**message, "idempotency_key": "k"}, key, "p")


ORDER = a_create()
SENT = Sent("p.commands", 0, 0, ORDER.value, KEY)
ROW = a_booking(payment_status="none", amount_paid=Decimal(0))
HOLD = {
    "venue_id": VENUE,
    "inventory_item_id": None,
    "starts_at": START.isoformat(),
    "ends_at": (START + timedelta(hours=2)).isoformat(),
}
CLAIM = {
    "booking_id": BOOKING,
    "venue_id": VENUE,
    "item": None,
    "starts_at": START,
    "ends_at": START + timedelta(hours=2),
}
CHARGED = {
    "booking_id": BOOKING,
    "status": "succeeded",
    "amount": "5.00",
    "amount_refunded": "0.00",
}
RESERVED = {"effect": True, "call": "reserve", "key": "r", "body": {"booking_reference": "x"}}
STORY = Story(
    sent=[SENT],
    commands=[],
    replies={KEY: [a_record("p.replies", KEY, a_reply())]},
    events=[an_event(ROW)],
    dead_letters=[],
    bookings={BOOKING: ROW},
    history=[{"booking_id": BOOKING, "from_status": None, "to_status": "pending"}],
    claims=[CLAIM],
    reservations={"res": HOLD},
    intents={},
    ledgers={"inventory": [RESERVED], "pricing": [], "payment": []},
    logs="",
)


def broken(story: Story, *more: tuple[Order, Sent]) -> set[str]:
    """The rules that do not hold."""
    return {violation.rule for violation in violations(story, [(ORDER, SENT), *more])}


def test_a_story_in_order_breaks_no_rule() -> None:
    assert violations(STORY, [(ORDER, SENT)]) == []
    assert violations(replace(STORY, audit=[_LOOK]), [(ORDER, SENT)]) == []


OVERLAPPING = a_booking(
    id=OTHER,
    booking_time=START + timedelta(hours=1),
    end_time=START + timedelta(hours=3),
    inventory_reservation_id="res2",
)
_LOOK = linked(
    [AuditEntry("p.queries/0", Kind.QUERY, "admin", "a", "get_booking")],
    START,
    {},
    AuditSection().value,
)[0]
PLANTED: Mapping[str, tuple[str, Story]] = {
    "a reply twice": (
        "everything_sent_has_its_answer",
        replace(STORY, replies={KEY: [*STORY.replies[KEY], *STORY.replies[KEY]]}),
    ),
    "no reply": ("everything_sent_has_its_answer", replace(STORY, replies={})),
    "a reply to nobody": (
        "everything_sent_has_its_answer",
        replace(STORY, replies={**STORY.replies, b"?": STORY.replies[KEY]}),
    ),
    "one key, two effects": (
        "no_step_has_two_effects",
        replace(STORY, ledgers={**STORY.ledgers, "inventory": [RESERVED, RESERVED]}),
    ),
    "an effect without a key": (
        "no_step_has_two_effects",
        replace(STORY, ledgers={**STORY.ledgers, "inventory": [{**RESERVED, "key": None}]}),
    ),
    "two bookings of one slot": (
        "no_two_active_bookings_share_a_slot",
        replace(STORY, bookings={BOOKING: ROW, OTHER: OVERLAPPING}),
    ),
    "two bookings of one slot until one of them expired": (
        "no_slot_was_ever_held_twice",
        replace(
            STORY,
            bookings={BOOKING: ROW, OTHER: {**OVERLAPPING, "status": "expired"}},
            events=[
                an_event(ROW),
                an_event({**OVERLAPPING, "updated_at": START + timedelta(minutes=1)}, 1, "e2"),
                an_event(
                    {**OVERLAPPING, "status": "expired", "updated_at": START + timedelta(hours=1)},
                    2,
                    "e3",
                ),
            ],
        ),
    ),
    "a claim that nobody has": (
        "no_two_active_bookings_share_a_slot",
        replace(STORY, bookings={BOOKING: {**ROW, "status": "cancelled"}}),
    ),
    "a hold that nobody has": (
        "everything_reserved_belongs_to_an_active_booking",
        replace(STORY, reservations={"res": HOLD, "res2": HOLD}),
    ),
    "a booking without its hold": (
        "everything_reserved_belongs_to_an_active_booking",
        replace(STORY, reservations={}),
    ),
    "money kept for a pending booking": (
        "everything_charged_belongs_to_a_booking_that_keeps_it",
        replace(STORY, intents={"pi": CHARGED}),
    ),
    "money kept for a booking that was cancelled": (
        "everything_charged_belongs_to_a_booking_that_keeps_it",
        replace(
            STORY,
            bookings={
                BOOKING: a_booking(status="cancelled", cancelled_at=START - timedelta(hours=1))
            },
            intents={"pi": CHARGED},
        ),
    ),
    "a gap": (
        "versions_have_no_gaps",
        replace(STORY, events=[an_event(ROW), an_event(ROW, 3, "e2")]),
    ),
    "an event twice": (
        "versions_have_no_gaps",
        replace(STORY, events=[an_event(ROW), an_event(ROW)]),
    ),
    "a booking without an event": (
        "the_events_tell_what_the_database_holds",
        replace(STORY, events=[]),
    ),
    "an event that says otherwise": (
        "the_events_tell_what_the_database_holds",
        replace(STORY, events=[an_event({**ROW, "party_size": 3})]),
    ),
    "out of nowhere": (
        "every_transition_is_legal",
        replace(
            STORY,
            history=[{"booking_id": BOOKING, "from_status": "cancelled", "to_status": "pending"}],
        ),
    ),
    "a name in an event": (
        "nothing_personal_and_no_token_is_where_it_must_not_be",
        replace(STORY, events=[an_event({**ROW, "guest_name": PERSONAL})]),
    ),
    "a command that nobody is told to have sent": (
        "every_decided_command_is_audited_once",
        replace(STORY, decided=[{"principal": '{"kind":"Admin","id":"a"}', "command_id": "c"}]),
    ),
    "an audit entry that was changed": (
        "every_decided_command_is_audited_once",
        replace(STORY, audit=[{**_LOOK, "subject": "somebody else"}]),
    ),
    "an error in a log": (
        "no_worker_had_a_bug",
        replace(STORY, logs='{"event": "batch failed", "level": "error"}'),
    ),
    "a promise that is gone": (
        "what_was_promised_stands",
        replace(STORY, bookings={}),
    ),
}


@pytest.mark.parametrize(("rule", "story"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_seen(rule: str, story: Story) -> None:
    assert rule in broken(story)


def again(body: Mapping[str, Any], order: Order) -> tuple[Story, tuple[Order, Sent]]:
    """The story with a second sending, and this reply to it."""
    sent = Sent("p.commands", 0, 1, order.value, b"again")
    reply = a_record("p.replies", b"again", body)
    replies = {**STORY.replies, b"again": [reply]}
    return replace(STORY, sent=[SENT, sent], replies=replies), (order, sent)


def test_a_repeat_that_is_answered_alike_is_in_order() -> None:
    story, second = again(a_reply(), ORDER.again("id again", b"again"))
    assert broken(story, second) == set()


def test_a_repeat_that_is_answered_otherwise_is_seen() -> None:
    story, second = again(a_reply(party_size=3), ORDER.again("id again", b"again"))
    assert broken(story, second) == {"a_repeated_id_has_one_outcome"}


def test_one_id_with_two_contents_is_seen() -> None:
    other = replace(ORDER, message={**(ORDER.message or {}), "data": {"venue_id": "elsewhere"}})
    story, second = again(a_reply(), other.again("other", b"again"))
    assert "one_id_is_never_two_contents" in broken(story, second)


def test_one_key_with_two_bookings_is_seen() -> None:
    story, second = again(a_reply(id=OTHER), a_create("c2", b"again"))
    assert "a_repeated_key_has_one_booking" in broken(story, second)


def test_a_query_may_be_answered_once_more_and_a_command_may_not() -> None:
    asked = Sent("p.queries", 0, 0, b"{}", KEY)
    replies = {KEY: [*STORY.replies[KEY], *STORY.replies[KEY]]}
    assert broken(replace(STORY, sent=[asked], replies=replies)) == set()
