"""Messages with good defaults; whatever is personal in them carries a mark that can be searched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

PERSONAL = "PERSONAL"
"""In every name, address, number, request, note and reason, and nowhere else."""


def a_venue() -> str:
    return str(uuid4())


def in_hours(hours: float) -> str:
    """An instant so many hours from now, on a full second."""
    return at(datetime.now(UTC) + timedelta(hours=hours))


def at(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()


def a_create(venue_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """The data of a create: a table for two the day after tomorrow."""
    return {
        "venue_id": venue_id or a_venue(),
        "venue_type": "restaurant",
        "booking_time": in_hours(48),
        "party_size": 2,
        "guest_name": f"{PERSONAL} Ann",
        "guest_email": f"{PERSONAL}@example.org",
        "guest_phone": f"+49 30 {PERSONAL}",
        "special_requests": f"{PERSONAL}: a quiet corner",
        "metadata": {"campaign": "spring"},
        **fields,
    }
