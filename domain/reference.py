"""A booking's reference: what guest and venue read to each other over the phone."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID, uuid5

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0 and O, 1 and I


def proposed_reference(booking_date: date, booking_id: UUID, attempt: int = 0) -> str:
    """`BR-YYYYMMDD-` and 8 characters that follow from the booking's id, 40 bits of them.

    The same booking and attempt give the same proposal; after a collision the next attempt gives
    another one.
    """
    bits = int.from_bytes(uuid5(booking_id, f"reference/{attempt}").bytes[-5:], "big")
    tail = "".join(_ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5))
    return f"BR-{booking_date:%Y%m%d}-{tail}"
