"""The queries that are measured: each about a booking that stands, by who may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import orjson

from bench.load import Message, headers_of, token_of

_ADMIN: Final = "00000000-0000-4000-8000-0000000000ad"
Booking = Mapping[str, Any]

KINDS: Final[dict[str, tuple[str, Callable[[Booking], dict[str, Any]]]]] = {
    "by id": ("get_booking", lambda b: {"booking_id": b["id"]}),
    "by reference": (
        "get_booking_by_reference",
        lambda b: {"booking_reference": b["booking_reference"]},
    ),
    "guest's list": ("list_guest_bookings", lambda b: {"guest_id": b["guest_id"]}),
    "venue's list": ("list_venue_bookings", lambda b: {"venue_id": b["venue_id"]}),
    "availability": (
        "check_availability",
        lambda b: {
            "venue_id": b["venue_id"],
            "venue_type": b["venue_type"],
            "booking_time": b["booking_time"],
            "party_size": 2,
        },
    ),
}
"""By the name of the figure: the type, and what is asked about a booking."""


def queries(kind: str, bookings: Sequence[Booking], count: int, secret: str) -> list[Message]:
    """So many of a kind, the bookings taking turns; a venue's list is asked for by an admin."""
    type_, about = KINDS[kind]
    admin = token_of(_ADMIN, secret, "admin")
    tokens: dict[str, str] = {}
    made = []
    for number in range(count):
        booking = bookings[number % len(bookings)]
        guest = booking["guest_id"]
        if kind == "venue's list":
            token = admin
        elif (token := tokens.get(guest, "")) == "":
            token = tokens[guest] = token_of(guest, secret)
        id_ = str(uuid4())
        body = {"type": type_, "query_id": id_, "data": about(booking)}
        made.append(Message(id_, id_.encode(), orjson.dumps(body), headers_of(id_, token)))
    return made
