"""The day itself, scene by scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.demo.cast import Cast, Venues
from app.demo.script import (
    Answer,
    BooksAgree,
    Break,
    Happens,
    Held,
    Hours,
    Mend,
    Minutes,
    Of,
    Person,
    Race,
    Scene,
    Send,
    Together,
    Venue,
)

CREATED = ("booking.created",)
UPDATED = ("booking.updated",)
CONFIRMED = ("booking.confirmed", "booking.status_changed")
CHECKED_IN = ("booking.checked_in", "booking.status_changed")
COMPLETED = ("booking.completed", "booking.status_changed")
CANCELLED = ("booking.cancelled", "booking.status_changed")
EXPIRED = ("booking.expired", "booking.status_changed")
NO_SHOW = ("booking.status_changed",)


def the_day() -> tuple[Scene, ...]:
    """All scenes in their order; a booking's name in one is the same booking in the next."""
    venues = Venues()
    cast = Cast(venues)
    ada_books = _create(
        cast.ada,
        venues.sole,
        "dinner",
        Answer(201, shows={"status": "pending", "total_price": "110.00"}),
        booking_time=Hours(3),
        party_size=4,
        guest_name="Ada Lovelace",
        key="ada-dinner-1",
    )
    table_7: dict[str, Any] = {
        "inventory_item_id": "table-7",
        "booking_time": Hours(26),
        "party_size": 2,
    }
    gino_books = _create(
        cast.gino,
        venues.luna,
        "lunch",
        Answer(500, "payment_failed"),
        booking_time=Hours(20),
        party_size=2,
        key="gino-lunch-1",
    )
    return (
        Scene(
            "Guests book",
            "Ada wants a table for four, Bruno a room for tomorrow, Chiara a fitting that she will"
            " forget to pay for.",
            (
                Together(
                    (
                        ada_books,
                        _create(
                            cast.bruno,
                            venues.aurora,
                            "room",
                            Answer(201, shows={"status": "pending", "total_price": "132.00"}),
                            booking_time=Hours(30),
                            party_size=2,
                        ),
                        _create(
                            cast.chiara,
                            venues.nove,
                            "fitting",
                            Answer(201, shows={"status": "pending"}),
                            booking_time=Hours(5),
                            party_size=1,
                        ),
                    )
                ),
            ),
            "Inventory held, pricing quoted, payment opened an intent: three bookings, pending"
            " until they are paid.",
        ),
        Scene(
            "Two fight for one table",
            "Dora and Emil ask for table 7, for the same hour and at the same moment.",
            (
                Race(
                    (
                        _create(cast.dora, venues.sole, "table 7", Answer(201), **table_7),
                        _create(cast.emil, venues.sole, "table 7", Answer(201), **table_7),
                    ),
                    (Answer(201), Answer(409, "slot_unavailable")),
                ),
            ),
            "One claim on the slot was granted, the other refused before any partner was asked.",
        ),
        Scene(
            "A retry with the same key",
            "Ada's app lost the first reply and sends the booking again: a new command, the same"
            " idempotency key.",
            (
                replace(
                    ada_books,
                    answer=Answer(201, replayed=True, shows={"id": Of("dinner", "id")}),
                    events=(),
                ),
            ),
            "The first reply came again, marked replayed: no second booking, no event, no call.",
        ),
        Scene(
            "A price that falls back",
            "The pricing service is down while Flora books a table at the café.",
            (
                Break("pricing", "answers 503 to everybody", {"kind": "error", "times": None}),
                _create(
                    cast.flora,
                    venues.molo,
                    "coffee",
                    Answer(201, shows={"price_source": "fallback", "total_price": "28.50"}),
                    booking_time=Hours(24),
                    party_size=3,
                ),
                Mend("pricing"),
            ),
            "After three tries the house's own price was taken, 9.50 a person, and marked so.",
        ),
        Scene(
            "A payment that fails and is given back",
            "The payment service is down while Gino books lunch; then it is back, and he tries"
            " once more.",
            (
                Break("payment", "answers 503 to everybody", {"kind": "error", "times": None}),
                gino_books,
                Held(venues.luna, 0),
                Mend("payment"),
                replace(
                    gino_books,
                    answer=Answer(201, shows={"status": "pending"}),
                    events=CREATED,
                ),
                Held(venues.luna, 1),
            ),
            "No payment, no booking: the table was released before the refusal was told. It was"
            " retryable, so a new command with the same key did it afresh.",
        ),
        Scene(
            "A move",
            "Ada's friends are late: an hour later, please.",
            (
                Send(
                    cast.ada,
                    "update_booking",
                    venues.sole,
                    {
                        "booking_id": Of("dinner", "id"),
                        "expected_version": Of("dinner", "version"),
                        "booking_time": Hours(4),
                    },
                    Answer(200, shows={"booking_time": Hours(4), "version": 2}),
                    UPDATED,
                    "dinner",
                ),
            ),
            "Only the added hour had to be free; inventory moved its reservation, then the claim"
            " followed.",
        ),
        Scene(
            "A confirmation",
            "Ada pays.",
            (
                _status(
                    cast.ada,
                    venues.sole,
                    "dinner",
                    "confirmed",
                    CONFIRMED,
                    payment_status="succeeded",
                    amount_paid="110.00",
                ),
            ),
            "The payment service confirmed the intent; only `succeeded` counts as paid.",
        ),
        Scene(
            "A check-in",
            "Ada arrives; Sofia at the door checks her in, and looks the booking's history up.",
            (
                _status(cast.sofia, venues.sole, "dinner", "checked_in", CHECKED_IN),
                Send(
                    cast.sofia,
                    "get_booking_history",
                    venues.sole,
                    {"booking_id": Of("dinner", "id")},
                    Answer(
                        200,
                        shows={
                            "items.0.to_status": "pending",
                            "items.1.to_status": "confirmed",
                            "items.2.to_status": "checked_in",
                        },
                    ),
                ),
            ),
            "Check-in opens hours before the start, and is for those who work there.",
        ),
        Scene(
            "A walk-in",
            "Two people walk into the café; Marco seats them, takes cash, and later they leave.",
            (
                _walk_in(cast.marco, venues.molo, "walk-in", Minutes(0)),
                _status(
                    cast.marco, venues.molo, "walk-in", "confirmed", CONFIRMED, payment="at_venue"
                ),
                _status(cast.marco, venues.molo, "walk-in", "checked_in", CHECKED_IN),
                _status(cast.marco, venues.molo, "walk-in", "completed", COMPLETED),
            ),
            "No lead time for a walk-in, no intent for cash, and the table is free again at once.",
        ),
        Scene(
            "A no-show",
            "A party gave its name at Sofia's door ten minutes ago, and is nowhere to be seen.",
            (
                _walk_in(cast.sofia, venues.sole, "ghosts", Minutes(-10)),
                _status(
                    cast.sofia, venues.sole, "ghosts", "confirmed", CONFIRMED, payment="at_venue"
                ),
                _status(cast.sofia, venues.sole, "ghosts", "no_show", NO_SHOW),
            ),
            "Start and grace had passed (five minutes here), so the table went back.",
        ),
        Scene(
            "A cancellation with a refund",
            "Bruno pays for his room, then has to cancel it a day before.",
            (
                _status(
                    cast.bruno,
                    venues.aurora,
                    "room",
                    "confirmed",
                    CONFIRMED,
                    amount_paid="132.00",
                ),
                Send(
                    cast.bruno,
                    "cancel_booking",
                    venues.aurora,
                    {"booking_id": Of("room", "id"), "reason": "missed the train"},
                    Answer(
                        200,
                        shows={
                            "status": "cancelled",
                            "payment_status": "partially_refunded",
                            "amount_refunded": "66.00",
                        },
                    ),
                    CANCELLED,
                    "room",
                ),
            ),
            "The hotel's policy is 48h:100,12h:50, so half of it went back and the room is free.",
        ),
        Scene(
            "An expiry",
            "Nobody paid for Chiara's fitting, and the atelier held it for two seconds.",
            (
                Happens("fitting", EXPIRED),
                Send(
                    cast.chiara,
                    "get_booking",
                    venues.nove,
                    {"booking_id": Of("fitting", "id")},
                    Answer(200, shows={"status": "expired"}),
                    named="fitting",
                ),
            ),
            "The sweeper found it overdue and sent a signed expire_booking; its slot is free.",
        ),
        Scene(
            "The books agree",
            "At closing time: what the partners hold and kept, beside what the bookings say.",
            (BooksAgree(),),
            "Everything held belongs to an active booking; what was paid stands or went back.",
        ),
    )


def _create(
    by: Person, venue: Venue, named: str, answer: Answer, *, key: str | None = None, **data: Any
) -> Send:
    asked = {"venue_id": str(venue.id), "venue_type": venue.type, "venue_name": venue.name, **data}
    events = CREATED if answer.status == 201 else ()
    return Send(by, "create_booking", venue, asked, answer, events, named, key)


def _walk_in(by: Person, venue: Venue, named: str, starts_at: Minutes) -> Send:
    answer = Answer(201, shows={"source": "walk_in"})
    return _create(by, venue, named, answer, booking_time=starts_at, party_size=2, source="walk_in")


def _status(
    by: Person,
    venue: Venue,
    booking: str,
    status: str,
    events: tuple[str, ...],
    payment: str | None = None,
    **shows: Any,
) -> Send:
    data = {"booking_id": Of(booking, "id"), "status": status}
    if payment is not None:
        data["payment"] = payment
        shows["payment_status"] = payment
    return Send(
        by,
        "update_booking_status",
        venue,
        data,
        Answer(200, shows={"status": status, **shows}),
        events,
        booking,
    )
