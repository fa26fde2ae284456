"""Who may do what with whose booking: every cell, through the whole pipeline.

What is expected stands here and nowhere else; the service's own table is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import jwt
import pytest

from domain.lifecycle import Status
from domain.principal import Guest
from handlers.ports import Output
from schemas.envelope import COMMANDS, QUERIES
from tests.handlers.world import (
    ADMIN,
    ELSEWHERE,
    GUEST,
    NOW,
    SECRET,
    STRANGER,
    VENUE,
    World,
    a_create,
    home_of,
)

# For each role four letters: the guest's own booking and another guest's at the venue that the
# business has, then both at a venue that it does not have.
#   D done   V refused for what the booking is, so it may be seen   N not found   F forbidden
#   L a list without it   U unauthenticated: only commands can be signed
EXPECTED: Final = """
operation            guest staff manager admin system impostor
create               DFDF  DDFF  DDFF    DDDD  FFFF   FFFF
create with notes    FFFF  DDFF  DDFF    DDDD  FFFF   FFFF
create by phone      FFFF  DDFF  DDFF    DDDD  FFFF   FFFF
create for a walk-in FFFF  DDFF  DDFF    DDDD  FFFF   FFFF
update               DNDN  DDNN  DDNN    DDDD  FFFF   FFFF
update notes         FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
old version          VNVN  VVNN  VVNN    VVVV  FFFF   FFFF
cancel               DNDN  DDNN  DDNN    DDDD  FFFF   FFFF
cancel and refund    FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
to cancelled         DNDN  DDNN  DDNN    DDDD  FFFF   FFFF
to confirmed         DNDN  DDNN  DDNN    DDDD  FFFF   FFFF
paid at the venue    FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
to checked_in        FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
to completed         FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
to no_show           FFFF  DDNN  DDNN    DDDD  FFFF   FFFF
to pending           VNVN  VVNN  VVNN    VVVV  FFFF   FFFF
to expired           VNVN  VVNN  VVNN    VVVV  FFFF   FFFF
erase                DFDF  FFFF  FFFF    DDDD  FFFF   FFFF
expire               FFFF  FFFF  FFFF    FFFF  DDDD   FFFF
settle undo          FFFF  FFFF  FFFF    FFFF  DDDD   FFFF
end command          FFFF  FFFF  FFFF    FFFF  DDDD   FFFF
get                  DNDN  DDNN  DDNN    DDDD  UUUU   FFFF
get by reference     DNDN  DDNN  DDNN    DDDD  UUUU   FFFF
history              DNDN  DDNN  DDNN    DDDD  UUUU   FFFF
list of the guest    DFDF  DDLL  DDLL    DDDD  UUUU   FFFF
list of the venue    FFFF  DDFF  DDFF    DDDD  UUUU   FFFF
availability         DDDD  DDDD  DDDD    DDDD  UUUU   FFFF
"""
_HEADER, *_ROWS = EXPECTED.strip().splitlines()
ROLES: Final = tuple(_HEADER.split()[1:])
OPERATIONS: Final = {row[:20].strip(): row[20:].split() for row in _ROWS}
OBJECTS: Final = ((GUEST, VENUE), (STRANGER, VENUE), (GUEST, ELSEWHERE), (STRANGER, ELSEWHERE))

CODES: Final = {"N": "booking_not_found", "F": "forbidden", "U": "unauthenticated"}
VISIBLE: Final = {"invalid_transition", "version_conflict"}

SOME_ID: Final = UUID("00000000-0000-4000-8000-0000000000d1")
ASKED: Final = UUID("00000000-0000-4000-8000-0000000000d2")
NOBODY: Final = {"id": str(SOME_ID), "booking_reference": "BR-20260602-ZZZZZZZZ", "version": 1}

Booking = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """What is asked, about an object; a status that the booking has to have, and hours to wait."""

    type: str
    data: dict[str, Any]
    status: str = "pending"
    wait: float = 0


def messages(booking: Booking, guest: Guest, venue: UUID) -> dict[str, Message]:
    """By operation, about this booking, this guest or this venue."""
    about = {"booking_id": booking["id"]}
    change = about | {"expected_version": booking["version"]}
    wish = a_create(venue_id=venue, guest_id=guest.id, hour=-3)

    def to(status: str, needs: str = "pending", wait: float = 0, **fields: str) -> Message:
        return Message("update_booking_status", about | {"status": status} | fields, needs, wait)

    return {
        "create": Message("create_booking", wish),
        "create with notes": Message("create_booking", wish | {"internal_notes": "x"}),
        "create by phone": Message("create_booking", wish | {"source": "phone"}),
        "create for a walk-in": Message("create_booking", wish | {"source": "walk_in"}),
        "update": Message("update_booking", change | {"special_requests": "quiet"}),
        "update notes": Message("update_booking", change | {"internal_notes": "x"}),
        "old version": Message("update_booking", change | {"expected_version": 9, "party_size": 3}),
        "cancel": Message("cancel_booking", about | {"reason": "rain"}),
        "cancel and refund": Message("cancel_booking", about | {"refund_amount": "0.00"}),
        "to cancelled": to("cancelled"),
        "to confirmed": to("confirmed"),
        "paid at the venue": to("confirmed", payment="at_venue"),
        "to checked_in": to("checked_in", "confirmed", wait=23),
        "to completed": to("completed", "confirmed"),
        "to no_show": to("no_show", "confirmed", wait=48),
        "to pending": to("pending"),
        "to expired": to("expired"),
        "erase": Message("erase_guest", {"guest_id": str(guest.id)}),
        "expire": Message("expire_booking", change | {"attempt": 0}),
        "settle undo": Message("settle_undo", about | {"undo_id": str(SOME_ID), "attempt": 0}),
        "end command": Message("end_command", {"row_id": str(SOME_ID)}),
        "get": Message("get_booking", about),
        "get by reference": Message(
            "get_booking_by_reference", {"booking_reference": booking["booking_reference"]}
        ),
        "history": Message("get_booking_history", about),
        "list of the guest": Message("list_guest_bookings", {"guest_id": str(guest.id)}),
        "list of the venue": Message("list_venue_bookings", {"venue_id": str(venue)}),
        "availability": Message("check_availability", a_create(venue_id=venue)),
    }


def token(role: str) -> bytes:
    claims: dict[str, Any] = {"sub": f"{role}-1", "role": role, "type": "access"}
    match role:
        case "guest":
            claims["sub"] = str(GUEST.id)
        case "staff" | "manager":
            claims["venue_ids"] = [str(VENUE)]
        case "impostor":
            claims |= {"role": "system", "venue_ids": [str(VENUE), str(ELSEWHERE)]}
    times = {"iat": NOW, "exp": NOW + timedelta(days=9)}
    return b"Bearer " + jwt.encode(claims | times, SECRET, "HS256").encode()


async def asked(world: World, role: str, sent: Message, partition: int) -> Output | None:
    """The reply to it; None when it has none, being the service's own."""
    id_field = "query_id" if sent.type in QUERIES else "command_id"
    body = {"type": sent.type, id_field: str(ASKED), "data": sent.data}
    value = json.dumps(body).encode()
    headers = (
        world.signer.system_headers(value)
        if role == "system"
        else (("authorization", token(role)),)
    )
    if sent.type in QUERIES:
        (reply,) = await world.queries.answer([world.query(value, None, headers)])
        return reply
    published = len(world.replies)
    world.send_bytes(value, partition=partition, headers=headers)
    await world.settle()
    replies = world.replies[published:]
    assert len(replies) == (role != "system")
    return replies[0].output if replies else None


async def a_world_with(operation: str, guest: Guest, venue: UUID) -> tuple[World, Booking]:
    """With a booking of the guest's there, as the operation needs it."""
    world = World()
    booking = await world.booked(by=guest, venue_id=venue, hour=3)
    needed = messages(booking, guest, venue)[operation]
    if needed.status == "confirmed":
        world.move(booking, "confirmed", by=ADMIN, payment="at_venue")
        await world.settle()
        booking = world.replies[-1].booking
    world.later(hours=needed.wait)
    return world, booking


def code_of(world: World, reply: Output | None) -> str | None:
    """From the reply, or from what is stored where there is none."""
    if reply is not None:
        return (json.loads(reply.value)["error"] or {}).get("code")
    (own,) = [each for each in world.database.tables.outcomes.values() if each.reply is None]
    return own.code


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_role_may_do_with_a_booking_what_stands_here_and_no_more(
    operation: str, role: str
) -> None:
    for (guest, venue), expected in zip(OBJECTS, cell(operation, role), strict=True):
        world, booking = await a_world_with(operation, guest, venue)
        sent = messages(booking, guest, venue)[operation]
        before = world.bookings.copy()
        reply = await asked(world, role, sent, home_of(venue))
        code = code_of(world, reply)
        where = f"{role}: {operation} on {guest.label} at {venue}: {code}"
        if expected == "V":
            assert code in VISIBLE, where
        else:
            assert code == CODES.get(expected), where
        if expected in "NFUL":
            assert world.bookings == before, where
            assert reply == await unbooked(role, sent, venue), where


def cell(operation: str, role: str) -> str:
    return OPERATIONS[operation][ROLES.index(role)]


async def unbooked(role: str, sent: Message, venue: UUID) -> Output | None:
    """What the same message is answered in a world without any booking."""
    empty = World()
    empty.later(hours=sent.wait)
    return await asked(empty, role, sent, home_of(venue))


def test_every_command_query_and_status_stands_in_the_table() -> None:
    every = messages(NOBODY, GUEST, VENUE)
    assert every.keys() == OPERATIONS.keys()
    assert {each.type for each in every.values()} == COMMANDS | QUERIES
    statuses = {each.data["status"] for each in every.values() if "status" in each.data}
    assert statuses == set(Status)
    assert all(len(cells) == len(ROLES) for cells in OPERATIONS.values())
    assert all(len(each) == len(OBJECTS) for cells in OPERATIONS.values() for each in cells)
