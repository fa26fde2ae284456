"""What is owed to a partner: effects that no booking owns and that have to be given back.

Undo is data. A row names what to give back and with which keys; it is carried out through the lane,
again and again with backoff, until the partner confirms, and looks at the booking as it is then.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.effects import CreateIntent, ReserveInventory
from domain.money import Money


@dataclass(frozen=True, slots=True)
class ReleaseOwed:
    """Inventory to be released: under a known reservation, or under whatever `reserve` made.

    A 404 soon after a reserve whose answer was lost proves nothing, so `reserve` is sent again with
    its old key and the id that it answers is released.
    """

    key: str
    booking_reference: str
    reservation_id: str | None
    reserve: ReserveInventory | None = None


@dataclass(frozen=True, slots=True)
class RefundOwed:
    """Money to be given back; never from an intent that a confirmed booking stands on.

    With `amount` None whatever was paid on the intent; with `create` the intent's own answer was
    lost, so the creation is sent again with its old key to learn its id.
    """

    key: str
    intent_id: str | None
    amount: Money | None
    reason: str
    create: CreateIntent | None = None


@dataclass(frozen=True, slots=True)
class RestoreReservation:
    """The booking's current slot, to be told to inventory again after an update that failed late."""

    key: str
    reservation_id: str


Owed = ReleaseOwed | RefundOwed | RestoreReservation


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing owed, as it stands in the database."""

    id: UUID
    booking_id: UUID
    venue_id: UUID
    owed: Owed
    attempt: int = 0
