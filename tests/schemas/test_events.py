"""Events as other teams read them: the state, the identity, and nothing personal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.commands import Asked
from domain.lifecycle import Status
from domain.money import Money
from domain.outcome import Accepted, EventType, Happened
from schemas.booking import booking_json
from schemas.events import EventRecord, EventSource, events_of, idempotency_key_hash, principal_hash
from schemas.models import EventShown
from tests.schemas.bookings import NOW, PERSONAL, a_booking, a_price
from tests.schemas.messages import BOOKING, COMMAND, GUEST

_CREATED = Happened(EventType.CREATED, GUEST.label, to_status=Status.PENDING)


def _source(**changes: Any) -> EventSource:
    values: dict[str, Any] = {
        "asked": Asked(GUEST, UUID(COMMAND), 0, "key-1"),
        "operation": "create_booking",
        "content_hash": "c" * 64,
        "request_hash": "d" * 64,
        "topic": "booking.commands",
        "partition": 3,
        "offset": 77,
        "timestamp_ms": 1_904_212_800_123,
        "correlation_id": b"corr-1",
        "traceparent": None,
        "sealed": {"v": 2, "service": "1.k.c2VhbGVk", "guest": None},
    }
    return EventSource(**(values | changes))


def _events(*happened: Happened, **changes: Any) -> list[EventRecord]:
    booking = a_booking()
    shown = booking_json(booking, with_notes=True)
    return events_of(Accepted(booking, happened or (_CREATED,)), shown, _source(**changes), NOW)


def _body(record: EventRecord) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(record.value)
    return body


def test_an_event_is_what_the_model_promises() -> None:
    (record,) = _events()
    event = EventShown.model_validate_json(record.value)
    assert event.event_type == "booking.created"
    assert str(event.payload.booking_id) == BOOKING == record.key.decode()
    assert event.payload.to_status == "pending"


def test_nothing_personal_is_published() -> None:
    moved = Happened(EventType.UPDATED, GUEST.label, changes={"party_size": (2, 3)})
    published = repr(_events(_CREATED, moved))
    assert [word for word in PERSONAL if word in published] == []


def test_the_key_and_the_principal_are_published_as_hashes() -> None:
    payload = _body(_events()[0])["payload"]
    assert payload["principal_hash"] == principal_hash(GUEST.label)
    assert payload["idempotency_key_hash"] == idempotency_key_hash(
        GUEST.label, "create_booking", "key-1"
    )
    assert "key-1" not in repr(payload)


def test_no_key_has_no_hash() -> None:
    (record,) = _events(asked=Asked(GUEST, UUID(COMMAND)))
    assert _body(record)["payload"]["idempotency_key_hash"] is None


def test_scopes_that_look_alike_have_other_hashes() -> None:
    assert idempotency_key_hash("a", "b", "c/d") != idempotency_key_hash("a/b", "c", "d")


def test_the_same_command_gives_the_same_events_byte_for_byte() -> None:
    assert _events() == _events()


def test_another_run_gives_other_event_ids() -> None:
    (one,) = _events()
    (other,) = _events(asked=Asked(GUEST, UUID(COMMAND), 1, "key-1"))
    assert _body(one)["event_id"] != _body(other)["event_id"]


def test_events_of_one_command_share_state_and_differ_in_id_and_own_fields() -> None:
    change = {"from_status": Status.PENDING, "to_status": Status.CONFIRMED}
    confirmed, changed = _events(
        Happened(EventType.CONFIRMED, GUEST.label, **change),  # type: ignore[arg-type]  # one dict for two
        Happened(EventType.STATUS_CHANGED, "system", **change),  # type: ignore[arg-type]
    )
    one, other = _body(confirmed), _body(changed)
    assert one["event_id"] != other["event_id"]
    assert one["payload"]["booking_version"] == other["payload"]["booking_version"] == 1
    assert other["payload"]["from_status"] == "pending"
    assert one["payload"] | {"changed_by": "system"} == other["payload"]


def test_changes_are_written_as_messages_write_values() -> None:
    price = a_price("1500", "JPY").total
    moved = {
        "booking_time": (NOW, datetime(2030, 5, 2, tzinfo=UTC)),
        "total_price": (Money.zero("JPY"), price),
        "inventory_item_id": (None, "t-4"),
    }
    (record,) = _events(Happened(EventType.UPDATED, GUEST.label, changes=moved))
    assert _body(record)["payload"]["changes"] == {
        "booking_time": ["2030-05-01T12:00:00Z", "2030-05-02T00:00:00Z"],
        "total_price": ["0", "1500"],
        "inventory_item_id": [None, "t-4"],
    }


def test_the_input_says_where_the_command_lay() -> None:
    assert _body(_events()[0])["payload"]["input"] == {
        "topic": "booking.commands",
        "partition": 3,
        "offset": 77,
        "timestamp": "2030-05-05T12:00:00.123000Z",
    }


def test_headers_are_cloud_events_in_binary_mode() -> None:
    (record,) = _events(traceparent=b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")
    body = _body(record)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": body["event_id"].encode(),
        "ce_type": b"booking.created",
        "ce_source": b"booking-reservation-service",
        "ce_time": body["timestamp"].encode(),
        "ce_subject": BOOKING.encode(),
        "content-type": b"application/json",
        "correlation_id": b"corr-1",
        "traceparent": b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01",
    }


def test_an_opaque_correlation_id_becomes_readable_to_everybody() -> None:
    (record,) = _events(correlation_id=b"\xff\x00")
    assert dict(record.headers)["correlation_id"] == b"ff00"


def test_nothing_happened_publishes_nothing() -> None:
    assert events_of(Accepted(a_booking(), ()), {}, _source(), NOW) == []


@pytest.mark.parametrize("event_type", EventType)
def test_every_type_of_event_is_valid(event_type: EventType) -> None:
    (record,) = _events(Happened(event_type, "system"))
    assert EventShown.model_validate_json(record.value).event_type == event_type
