"""What queries are answered with, beside the booking itself: pages, availability, history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from domain.booking import Booking
from domain.outcome import StatusChange
from domain.workflows.check_availability import Availability
from schemas.booking import booking_json
from schemas.queries import cursor_of
from schemas.strict_json import json_bytes, utc

MAX_PAGE_BYTES: Final = 512 * 1024
"""Of a page's bookings: half of what a topic takes when nobody set it (decision 150)."""


def page_json(bookings: Sequence[Booking], limit: int, *, with_notes: bool) -> dict[str, Any]:
    """The first `limit` of them, or as many as fit a reply; one at least.

    `bookings` may hold one more than `limit`, which shows that another page follows.
    """
    items: list[dict[str, Any]] = []
    room = MAX_PAGE_BYTES
    for booking in bookings[:limit]:
        item = booking_json(booking, with_notes=with_notes)
        room -= len(json_bytes(item))  # to keep the bytes, as a fragment, takes twice as long
        if items and room < 0:
            break
        items.append(item)
    has_more = len(items) < len(bookings)
    last = bookings[len(items) - 1] if has_more else None
    return {"items": items, "next_cursor": last and cursor_of(last.slot.starts_at, last.id)}


def availability_json(found: Availability) -> dict[str, Any]:
    """Without a word on who holds what is taken."""
    inventory, estimate = found.inventory, found.estimate
    return {
        "available": found.is_available,
        "reasons": [code.word for code in found.reasons],
        "conflicts": [
            {
                "starts_at": taken.slot.starts_at,
                "ends_at": taken.slot.ends_at,
                "inventory_item_id": taken.item,
            }
            for taken in found.conflicts
        ],
        "inventory": {
            "available": inventory.available,
            "inventory_item_id": inventory.item,
            "reason": inventory.reason,
        },
        "price_estimate": estimate
        and {
            "estimated_price": estimate.price.text(),
            "currency": estimate.price.currency,
            "source": "quoted",
        },
        "checked_at": utc(found.checked_at),
    }


def status_change_json(change: StatusChange, version: int, created_at: datetime) -> dict[str, Any]:
    """One step of the history; the first has no status before it."""
    return {
        "from_status": change.from_status,
        "to_status": change.to_status,
        "changed_by": change.changed_by,
        "reason": change.reason,
        "version": version,
        "created_at": utc(created_at),
    }
