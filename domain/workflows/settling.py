"""What every settlement looks at: the debt, the booking as it is now, and whether a no is proof."""

from __future__ import annotations

from dataclasses import dataclass

from domain.booking import Booking, Payment, PaymentStatus
from domain.changes import public_changes
from domain.commands import Moment, SettleUndo
from domain.outcome import Accepted, EventType, Happened, Settled
from domain.policies.patience import is_proof
from domain.rules import Rules
from domain.undo import Undo


@dataclass(frozen=True, slots=True)
class Settling:
    """One try at one thing owed."""

    command: SettleUndo
    undo: Undo
    booking: Booking | None
    at: Moment
    rules: Rules

    @property
    def is_proof(self) -> bool:
        """Whether a partner's no can be believed by now."""
        return is_proof(self.undo, self.booking, self.at, self.rules)

    def key(self, step: str) -> str:
        """The Idempotency-Key of a call that only this try makes."""
        return self.command.asked.key(step)


def recorded(settling: Settling, booking: Booking, payment: Payment) -> Settled:
    """Done, with the booking's next version: its money moved."""
    if booking.payment.status is PaymentStatus.AT_VENUE:
        payment = payment.at_venue()
    after = booking.changed(settling.at.decided, payment=payment)
    changes = public_changes(booking, after)
    changed_by = settling.command.asked.label
    return Settled(Accepted(after, (Happened(EventType.UPDATED, changed_by, changes=changes),)))
