"""What is owed to a partner: effects that no booking owns and that have to be given back.

Undo is data. A row names what to give back and with which keys; it is carried out through the lane,
again and again with backoff, until the partner confirms, and looks at the booking as it is then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.effects import CreateIntent, ReserveInventory
from domain.money import Money
from domain.named_ids import named_id

_NAMESPACE: Final = UUID("0c1f3a52-5f0e-5b07-8f5c-3f6a0f1d9c44")


def give_back_key(key: str) -> str:
    """The Idempotency-Key of the call that gives back what the call with `key` may have done.

    It follows from that key alone, so that the command's own try, the undo of its crash and every
    later attempt are one call to the partner.
    """
    return str(named_id(_NAMESPACE, f"give back/{key}"))


def whole_refund_key(intent_id: str) -> str:
    """The Idempotency-Key of the refund of a whole intent that no booking stands on any more.

    It follows from the intent, so that two commands that owe it (a cancellation that died and the
    next one, a lost confirmation and an update) have it refunded once.
    """
    return str(named_id(_NAMESPACE, f"whole refund/{intent_id}"))


WHOLE_REFUND_REASON: Final = "no booking stands on this payment"
"""One key is one body, whoever sends it."""


def other_amount_key(key: str, amount: Money) -> str:
    """The Idempotency-Key of a refund that is owed under `key`, where less is left than it names.

    The first amount cannot have gone back then, and a partner refuses another one under its key.
    """
    return str(named_id(_NAMESPACE, f"{amount.text()} of/{key}"))


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
class RefundMade:
    """A refund that took place and that no booking has recorded: its command died after it."""

    key: str  # of the row alone; nothing is sent under it
    intent_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RestoreReservation:
    """The booking's current slot, to be told to inventory again.

    After an update that was refused, whose lost call may land still, and after a command that died
    when it had released what the booking stands on.
    """

    key: str
    reservation_id: str


Owed = ReleaseOwed | RefundOwed | RefundMade | RestoreReservation


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing owed, as it stands in the database."""

    id: UUID
    booking_id: UUID
    venue_id: UUID
    owed: Owed
    attempt: int = 0
    since: datetime | None = field(default=None, compare=False)  # None: not written yet

    @classmethod
    def of(cls, owed: Owed, booking_id: UUID, venue_id: UUID) -> Undo:
        """The row for `owed`; its id follows from the key, so that a step owes one thing once."""
        return cls(named_id(_NAMESPACE, f"owed/{owed.key}"), booking_id, venue_id, owed)
