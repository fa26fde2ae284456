"""The audit log as the handlers see it: who did what, and the chains that this is linked into."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.values import dataclass
from handlers.ports.log import Coordinates
from handlers.ports.rows import PromiseBroken


class Kind(StrEnum):
    """What an entry is about."""

    COMMAND = "command"  # decided; each has exactly one entry
    REPEAT = "repeat"  # asked again, and answered without being decided again
    QUERY = "query"
    OPERATOR = "operator"  # at the command line


class Effect(StrEnum):
    """What was changed or shown, in our words alone; a status that was reached is its own word."""

    CREATED = "created"
    UPDATED = "updated"
    ANSWERED_AGAIN = "answered_again"  # an idempotency key gave an earlier outcome
    SHOWN_AGAIN = "shown_again"  # a command's id did
    SETTLED = "settled"
    STILL_OWED = "still_owed"
    ENDED_COMMAND = "ended_command"
    NOTHING_TO_DO = "nothing_to_do"
    WILL_BE_SENT_AGAIN = "will_be_sent_again"
    ERASED = "erased"  # a guest: nobody can read any more what was personal
    GUEST_DATA = "guest_data"  # a booking of somebody else, with all that is personal in it
    GUEST_DATA_LIST = "guest_data_list"
    HISTORY = "history"
    CLIENTS_RECORD = "clients_record"  # a dead letter, with what the client sent
    MADE_DUE = "made_due"
    PUT_BACK = "put_back"
    PUBLISHED_AGAIN = "published_again"
    REBUILT = "rebuilt"
    REKEYED = "rekeyed"
    CUT = "cut"  # the audit log: its oldest entries were removed


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which booking, from which record. Nothing in it is a client's free text."""

    chain: str
    kind: Kind
    role: str
    subject: str
    operation: str
    code: str | None = None  # why it was refused; None: it was allowed
    effect: str | None = None
    message_id: UUID | None = None  # the command's or the query's; of `undo retry` the row's
    at: Coordinates | None = None  # of the record that the client sent
    booking_id: UUID | None = None
    booking_reference: str | None = None
    guest_id: UUID | None = None
    venue_id: UUID | None = None
    version: int | None = None  # of the booking that the command made
    shown: tuple[UUID, ...] = ()  # the bookings of a list


AuditRow = Mapping[str, UUID | str | int | None]
"""An entry in its chain: every column of the table, instants as text, ids as text when read."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: how many entries it has had, and the hash of the last one."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a chain was cut: `at` is the first entry that is kept. Believed when it is signed."""

    chain: str
    at: Head
    key_id: str
    mac: str


class ChainMoved(PromiseBroken):
    """Somebody else added to the chain since its head was read; nothing was written."""


class AuditRows(Protocol):
    """The log inside one transaction; there is no way to change or to remove anything."""

    async def audit_heads(self, chains: Collection[str]) -> tuple[datetime, Mapping[str, Head]]:
        """The database's time, and the heads of those chains that have begun."""
        ...

    async def append_audit(self, rows: Sequence[AuditRow]) -> None:
        """Raises ChainMoved when one of the places is taken."""
        ...


class AuditLog(Protocol):
    """The log for whoever has no transaction of its own."""

    def transaction(self) -> AbstractAsyncContextManager[AuditRows]:
        """Commits at the end of the block. Raises DatabaseAway."""
        ...
