"""Builders of messages with good defaults, so that a test shows only what matters to it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from domain.commands import Command
from domain.principal import Business, Guest, Principal
from domain.refusal import Refusal
from schemas.building import asked_by, build_command
from schemas.envelope import RawCommand, parse_command

GUEST = Guest(UUID("11111111-1111-4111-8111-111111111111"))
VENUE = "22222222-2222-4222-8222-222222222222"
BOOKING = "33333333-3333-4333-8333-333333333333"
COMMAND = "44444444-4444-4444-8444-444444444444"
BUSINESS = Business("clerk-7", frozenset({UUID(VENUE)}))

ABSENT = object()


def a_create(**changes: Any) -> dict[str, Any]:
    """The data of a create; a field set to ABSENT is left out."""
    return _changed(
        {
            "venue_id": VENUE,
            "venue_type": "restaurant",
            "booking_time": "2030-05-17T19:00:00+02:00",
            "party_size": 2,
        },
        changes,
    )


def an_update(**changes: Any) -> dict[str, Any]:
    return _changed({"booking_id": BOOKING, "expected_version": 1}, changes)


def a_message(type_: str, data: Any, **changes: Any) -> bytes:
    message = {"type": type_, "command_id": COMMAND, "data": data}
    return json.dumps(_changed(message, changes)).encode()


def raw(type_: str, data: Any, **changes: Any) -> RawCommand:
    command = parse_command(a_message(type_, data, **changes))
    assert isinstance(command, RawCommand), command
    return command


def built(type_: str, data: Any, principal: Principal = GUEST, **changes: Any) -> Command | Refusal:
    command = raw(type_, data, **changes)
    return build_command(command, asked_by(principal, command))


def errors(refusal: object) -> dict[str, str]:
    """Field to message."""
    assert isinstance(refusal, Refusal), refusal
    return {error.field: error.message for error in refusal.errors}


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (values | changes).items() if value is not ABSENT}
