"""One real exchange of every kind, for documents and for the command line's help."""

from __future__ import annotations

from typing import Any, Final

from domain.outcome import EventType
from domain.refusal import Code

_VENUE: Final = "7b0c7c6e-6d0b-4a55-9a0e-2f3b8f1c9d10"
_GUEST: Final = "1f6a2a34-9c1d-4f0e-8a57-6f0b2f7e4c21"
_BOOKING: Final = "0d9a8f52-5a1c-5b7e-9f42-3c6e1b7a8d90"
_ID: Final = "5e3c1b9a-2f4d-4c6e-8b0a-7d9f1e3c5a60"
_REFERENCE: Final = "BR-20300517-7KQ2M9XD"
_CREATED_AT: Final = "2030-05-01T10:00:00Z"

_SLOT: Final = {
    "venue_id": _VENUE,
    "venue_type": "restaurant",
    "booking_time": "2030-05-17T19:00:00+02:00",
    "party_size": 2,
    "venue_time_zone": "Europe/Paris",
}
_LIST: Final = {"status": "confirmed", "from": "2030-05-01T00:00:00+02:00", "limit": 20}
_DATA: Final[dict[str, dict[str, Any]]] = {
    "create_booking": _SLOT
    | {
        "inventory_item_id": "table-4",
        "guest_name": "Ada Lovelace",
        "guest_email": "ada@example.org",
        "payment_method_id": "pm_card_visa",
        "special_requests": "By the window, please.",
        "metadata": {"campaign": "spring"},
    },
    "update_booking": {
        "booking_id": _BOOKING,
        "expected_version": 1,
        "booking_time": "2030-05-17T20:00:00+02:00",
        "special_requests": None,
    },
    "cancel_booking": {"booking_id": _BOOKING, "reason": "We are ill."},
    "update_booking_status": {"booking_id": _BOOKING, "status": "confirmed"},
    "erase_guest": {"guest_id": _GUEST},
    "expire_booking": {"booking_id": _BOOKING, "expected_version": 1, "attempt": 0},
    "settle_undo": {"undo_id": _ID, "booking_id": _BOOKING, "attempt": 0},
    "end_command": {"row_id": _ID},
    "get_booking": {"booking_id": _BOOKING},
    "get_booking_by_reference": {"booking_reference": _REFERENCE},
    "list_guest_bookings": {"guest_id": _GUEST} | _LIST,
    "list_venue_bookings": {"venue_id": _VENUE} | _LIST,
    "get_booking_history": {"booking_id": _BOOKING},
    "check_availability": _SLOT,
}
_TIMES: Final = {
    "created_at": _CREATED_AT,
    "updated_at": _CREATED_AT,
    "confirmed_at": None,
    "cancelled_at": None,
    "checked_in_at": None,
    "completed_at": None,
    "expires_at": "2030-05-01T10:15:00Z",
}
_PUBLIC: Final = {
    "booking_reference": _REFERENCE,
    "guest_id": _GUEST,
    "venue_id": _VENUE,
    "venue_type": "restaurant",
    "venue_name": None,
    "venue_time_zone": "Europe/Paris",
    "booking_date": "2030-05-17",
    "booking_time": "2030-05-17T17:00:00Z",
    "duration_minutes": 120,
    "end_time": "2030-05-17T19:00:00Z",
    "party_size": 2,
    "status": "pending",
    "base_price": "100.00",
    "tax_amount": "10.00",
    "discount_amount": "0.00",
    "total_price": "110.00",
    "currency": "EUR",
    "price_source": "quoted",
    "price_decision_reference": "quote-81",
    "payment_intent_id": "pi_81",
    "payment_status": "requires_payment",
    "amount_paid": "0.00",
    "amount_refunded": "0.00",
    "inventory_reservation_id": "res-81",
    "inventory_item_id": "table-4",
    "cancelled_by": None,
    "source": "web",
    "metadata": {"campaign": "spring"},
} | _TIMES


def command(name: str) -> dict[str, Any]:
    """A whole command."""
    key = {"idempotency_key": "order-1042"} if name == "create_booking" else {}
    return {"type": name, "command_id": _ID} | key | {"data": _DATA[name]}


def query(name: str) -> dict[str, Any]:
    """A whole query."""
    return {"type": name, "query_id": _ID, "data": _DATA[name]}


def booking() -> dict[str, Any]:
    """A booking as its guest sees it."""
    return _PUBLIC | {
        "id": _BOOKING,
        "version": 1,
        "guest_name": "Ada Lovelace",
        "guest_email": "ada@example.org",
        "guest_phone": None,
        "special_requests": "By the window, please.",
        "internal_notes": None,
        "idempotency_key": "order-1042",
        "cancellation_reason": None,
    }


def command_reply() -> dict[str, Any]:
    """What the create above is answered."""
    return _reply("command_id", "create_booking", 201, booking(), None)


def command_refused() -> dict[str, Any]:
    """What it is answered when somebody else was faster."""
    error = {
        "code": "slot_unavailable",
        "title": "Another booking holds the slot",
        "detail": "The table is taken at that time.",
        "retryable": False,
        "errors": [],
    }
    return _reply("command_id", "create_booking", 409, None, error)


def query_reply() -> dict[str, Any]:
    """What a query for that booking is answered."""
    return _reply("query_id", "get_booking", 200, booking(), None)


def reply(asked: str) -> dict[str, Any]:
    """What the command or query of that type is answered when all goes well."""
    id_field = "command_id" if asked in _CHANGED else "query_id"
    status = 201 if asked == "create_booking" else 200
    return _reply(id_field, asked, status, _answer_to(asked), None)


def refused(asked: str) -> dict[str, Any]:
    """What it is answered when it is refused: each with a reason that is common for it."""
    id_field = "command_id" if asked in _CHANGED else "query_id"
    code, detail, extras = _REFUSALS.get(asked, _NOT_YOURS)
    error = {
        **extras,
        "code": code.word,
        "title": code.title,
        "detail": detail,
        "retryable": code.retryable,
        "errors": [],
    }
    return _reply(id_field, asked, code.status, None, error)


def unreadable_reply() -> dict[str, Any]:
    """What is answered where nothing could be read but a correlation id."""
    code = Code.UNREADABLE
    error = {
        "code": code.word,
        "title": code.title,
        "detail": "The record cannot be read: no known type.",
        "retryable": code.retryable,
        "errors": [],
    }
    return _reply("command_id", None, code.status, None, error) | {"command_id": None}


def event(event_type: EventType) -> dict[str, Any]:
    """What everybody hears of the create, or of what came after it."""
    return {
        "event_id": "c1a7b6d2-4e3f-5a18-9b7c-6d5e4f3a2b10",
        "event_type": event_type.value,
        "timestamp": _CREATED_AT,
        "source": "booking-reservation-service",
        "version": "1.0",
        "payload": _payload() | _STATES[event_type],
    }


def _payload() -> dict[str, Any]:
    return _PUBLIC | {
        "booking_id": _BOOKING,
        "booking_version": 2,
        "user_id": _GUEST,
        "resource_type": "table",
        "resource_id": "table-4",
        "command_id": _ID,
        "content_hash": "9f" * 32,
        "request_hash": "3c" * 32,
        "idempotency_key_hash": None,
        "principal_hash": "b7" * 32,
        "input": {
            "topic": "booking.commands",
            "partition": 3,
            "offset": 1042,
            "timestamp": _CREATED_AT,
        },
        "sealed": {
            "v": 2,
            "service": "1.2026-11.k1Wc3v0Uq5oXx2mJb1lTn0pV9aQ4ZrY7",
            "guest": "1.3b1f8f0e-7a55-4d0c-9f44-2d6c1c0c9a77.Zm9yIG9uZSBndWVzdCBhbG9uZQ==",
        },
        "changed_by": f"guest:{_GUEST}",
    }


def _moved(from_status: str, to_status: str, time: str | None = None) -> dict[str, Any]:
    moved = {"status": to_status, "from_status": from_status, "to_status": to_status}
    return moved | {"expires_at": None} | ({time: _CREATED_AT} if time else {})


_STATES: Final[dict[EventType, dict[str, Any]]] = {
    EventType.CREATED: {"booking_version": 1, "to_status": "pending"},
    EventType.UPDATED: {
        "changes": {"booking_time": ["2030-05-17T17:00:00Z", "2030-05-17T18:00:00Z"]}
    },
    EventType.CANCELLED: _moved("confirmed", "cancelled", "cancelled_at"),
    EventType.STATUS_CHANGED: _moved("pending", "confirmed", "confirmed_at"),
    EventType.CONFIRMED: _moved("pending", "confirmed", "confirmed_at"),
    EventType.CHECKED_IN: _moved("confirmed", "checked_in", "checked_in_at"),
    EventType.COMPLETED: _moved("checked_in", "completed", "completed_at"),
    EventType.EXPIRED: _moved("pending", "expired"),
}


_CHANGED: Final[dict[str, dict[str, Any]]] = {
    "create_booking": {"payment_client_secret": "pi_81_secret_x7"},
    "update_booking": {
        "version": 2,
        "booking_time": "2030-05-17T18:00:00Z",
        "end_time": "2030-05-17T20:00:00Z",
        "special_requests": None,
    },
    "cancel_booking": {
        "version": 2,
        "status": "cancelled",
        "cancelled_at": _CREATED_AT,
        "cancelled_by": f"guest:{_GUEST}",
        "cancellation_reason": "We are ill.",
        "expires_at": None,
    },
    "update_booking_status": {
        "version": 2,
        "status": "confirmed",
        "confirmed_at": _CREATED_AT,
        "payment_status": "succeeded",
        "amount_paid": "110.00",
        "expires_at": None,
    },
    "erase_guest": {},
}
_NOT_YOURS: Final[tuple[Code, str, dict[str, Any]]] = (
    Code.BOOKING_NOT_FOUND,
    "There is no such booking.",
    {},
)
_REFUSALS: Final[dict[str, tuple[Code, str, dict[str, Any]]]] = {
    "create_booking": (Code.SLOT_UNAVAILABLE, "The table is taken at that time.", {}),
    "update_booking": (
        Code.VERSION_CONFLICT,
        "The booking is at version 3.",
        {"current_version": 3},
    ),
    "update_booking_status": (
        Code.INVALID_TRANSITION,
        "A completed booking cannot become confirmed.",
        {"from": "completed", "to": "confirmed", "allowed": []},
    ),
    "erase_guest": (Code.FORBIDDEN, "Only an admin may erase a guest.", {}),
    "list_guest_bookings": (Code.FORBIDDEN, "This list is not yours to see.", {}),
    "list_venue_bookings": (Code.FORBIDDEN, "This list is not yours to see.", {}),
    "check_availability": (
        Code.INVENTORY_UNAVAILABLE,
        "The inventory service gives no answer. To try again, send a new query.",
        {},
    ),
}


def _answer_to(asked: str) -> dict[str, Any]:
    match asked:
        case "erase_guest":
            return {"guest_id": _GUEST, "erased_at": _CREATED_AT}
        case "list_guest_bookings" | "list_venue_bookings":
            return {"items": [booking()], "next_cursor": None}
        case "get_booking_history":
            first = {"from_status": None, "to_status": "pending", "changed_by": f"guest:{_GUEST}"}
            return {"items": [first | {"reason": None, "version": 1, "created_at": _CREATED_AT}]}
        case "check_availability":
            return {
                "available": True,
                "reasons": [],
                "conflicts": [],
                "inventory": {"available": True, "inventory_item_id": "table-4", "reason": None},
                "price_estimate": {
                    "estimated_price": "110.00",
                    "currency": "EUR",
                    "source": "quoted",
                },
                "checked_at": _CREATED_AT,
            }
        case _:
            return booking() | _CHANGED.get(asked, {})


def _reply(
    id_field: str, operation: str | None, status: int, shown: Any, error: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        id_field: _ID,
        "operation": operation,
        "status": status,
        "timestamp": _CREATED_AT,
        "data": shown,
        "error": error,
    }
