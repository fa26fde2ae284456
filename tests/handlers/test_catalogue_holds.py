"""What the catalogue promises of replies, answers and events is what really comes out."""

from __future__ import annotations

from typing import Final

from schemas.catalogue import Kind, Message, catalogue
from schemas.models import EventShown
from schemas.replies import CommandReply, QueryReply
from schemas.strict_json import json_bytes
from tests.handlers.world import GUEST, STAFF, VENUE, Reply, World, a_create

_MESSAGES: Final[dict[str, Message]] = {message.name: message for message in catalogue()}


def _is_as_promised(reply: Reply, envelope: type[CommandReply] | type[QueryReply]) -> None:
    shown = envelope.model_validate_json(reply.output.value)
    asked = _MESSAGES[shown.operation or ""]
    assert asked.reply_data is not None
    asked.reply_data.model_validate_json(json_bytes(shown.data))
    promised = "command_reply" if envelope is CommandReply else "query_reply"
    assert set(reply.headers) <= set(_MESSAGES[promised].headers)


async def test_every_command_is_answered_as_the_catalogue_says(world: World) -> None:
    booking = await world.booked()
    world.update(booking, party_size=4)  # another price, so another payment with its secret
    world.move(booking, "confirmed", by=STAFF, payment="at_venue")
    world.cancel(booking, reason="ill")
    await world.settle()
    assert [reply.status for reply in world.replies] == [201, 200, 200, 200]
    for reply in world.replies:
        _is_as_promised(reply, CommandReply)


async def test_every_query_is_answered_as_the_catalogue_says(world: World) -> None:
    booking = await world.booked()
    asked = {
        "get_booking": {"booking_id": booking["id"]},
        "get_booking_by_reference": {"booking_reference": booking["booking_reference"]},
        "get_booking_history": {"booking_id": booking["id"]},
        "list_guest_bookings": {"guest_id": str(GUEST.id)},
        "list_venue_bookings": {"venue_id": str(VENUE)},
        "check_availability": a_create(),
    }
    assert asked.keys() == {name for name, m in _MESSAGES.items() if m.kind is Kind.QUERY}
    for type_, data in asked.items():
        _is_as_promised(await world.ask(type_, data, by=STAFF), QueryReply)


async def test_every_event_is_as_the_catalogue_shows_it(world: World) -> None:
    pending = await world.booked()
    booking = await world.booked(hour=4)
    world.update(booking, special_requests="quiet", metadata={"a": 1})
    world.move(booking, "confirmed", by=STAFF, payment="at_venue")
    world.cancel(pending)
    lapsing = await world.booked(hour=8)
    world.later(hours=20)
    await world.sweep()
    world.move(booking, "checked_in", by=STAFF)
    world.move(booking, "completed", by=STAFF)
    await world.settle()
    told = {event["event_type"]: event for event in world.events}
    assert told.keys() == {name for name, m in _MESSAGES.items() if m.kind is Kind.EVENT}
    assert told["booking.expired"]["payload"]["booking_id"] == lapsing["id"]
    for event in world.events:
        EventShown.model_validate(event)
    for name, event in told.items():
        example = _MESSAGES[name].example
        assert example is not None
        assert event["payload"].keys() == example["payload"].keys(), name
    for output in world.to("booking.events"):
        headers = {name for name, _ in output.headers}
        assert headers <= set(_MESSAGES["booking.created"].headers)
