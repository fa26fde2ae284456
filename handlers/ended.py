"""How a message came to its end, for those who look on; its words come from short lists."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.refusal import Refusal
from domain.values import dataclass
from handlers.ports import Record, StoredOutcome

UNREADABLE: Final = "unreadable"
"""The operation of what has none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The reply's status, and its code; `ok` where the reply has none."""

    status: int
    code: str = "ok"

    @classmethod
    def refused(cls, refusal: Refusal) -> Ended:
        return cls(refusal.code.status, refusal.code.word)

    @classmethod
    def stored(cls, outcome: StoredOutcome, *, replayed: bool = False) -> Ended:
        """`replayed`: it is the outcome that another record had before."""
        return cls(outcome.status, "replayed" if replayed else outcome.code or "ok")


@dataclass(frozen=True, slots=True)
class Told:
    """One message at its end. Ids are its own words and never labels."""

    record: Record
    operation: str
    ended: Ended
    sent: datetime
    message_id: UUID | None = None
    booking_id: UUID | None = None
    correlation_id: bytes | None = None
    traceparent: bytes | None = None
