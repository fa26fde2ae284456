"""Record a refund that took place and that no booking knows of: its command died after it."""

from __future__ import annotations

from domain.effects import PartnerUnavailable
from domain.outcome import Settled, StillOwed
from domain.undo import RefundMade
from domain.workflow import Workflow
from domain.workflows.payment import seen_payment
from domain.workflows.settling import Settling, recorded


def record_refund(settling: Settling, made: RefundMade) -> Workflow:
    """Settled with the booking's next version; without one when it is recorded already.

    The next command may have met it: the same refund under the same key, or less left to give back.
    """
    booking = settling.booking
    if booking is None or booking.payment.intent_id != made.intent_id:
        return Settled()
    seen = yield from seen_payment(settling.command.asked, booking)
    if isinstance(seen, PartnerUnavailable):
        return StillOwed(seen.detail)
    unrecorded = min(made.amount, seen.kept)
    if unrecorded.is_zero:
        return Settled()
    return recorded(settling, booking, seen.given_back(unrecorded))
