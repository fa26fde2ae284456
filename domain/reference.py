"""A booking's reference: what guest and venue read to each other over the phone."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from domain.named_ids import named_id

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0 and O, 1 and I
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]


def proposed_reference(booking_date: date, booking_id: UUID, attempt: int = 0) -> str:
    """`BR-YYYYMMDD-` and 8 characters, 40 bits, that follow from the booking's id.

    Booking ids are hashes themselves, so their last bits are as good as any. After a collision the
    next attempt gives another proposal.
    """
    bits = (named_id(booking_id, f"reference/{attempt}") if attempt else booking_id).int
    tail = "".join([_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0)])
    return f"BR-{booking_date.isoformat().replace('-', '')}-{tail}"
