"""How much of a payment goes back when a booking ends."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.booking import Booking
from domain.money import Money
from domain.refusal import Code, FieldError, Refusal
from domain.rules import Rules

_ALL: Final = Decimal(100)
_NOTHING: Final = Decimal(0)


def refund_percent(booking: Booking, cancelled_at: datetime, rules: Rules) -> Decimal:
    """What the venue type's policy gives back: of its steps the one with the longest notice kept.

    Without a policy all of it before the start and nothing after. A cancellation's notice counts
    from when it was sent.
    """
    notice = booking.slot.starts_at - cancelled_at
    steps = rules.refund.get(booking.venue.type)
    if steps is None:
        return _ALL if notice.total_seconds() > 0 else _NOTHING
    kept = [step for step in steps if step.notice <= notice]
    return max(kept, key=lambda step: step.notice).percent if kept else _NOTHING


def named_amount(text: str, refundable: Money) -> Money | Refusal:
    """The amount that the business named, at most what can go back."""
    try:
        amount = Money(Decimal(text), refundable.currency)
    except (InvalidOperation, ValueError):
        return _not_valid(f"expected an amount of {refundable.currency}, for example 10")
    if amount < Money.zero(refundable.currency):
        return _not_valid("expected no negative amount")
    if refundable < amount:
        return _not_valid(f"expected at most {refundable.text()} {refundable.currency}")
    return amount


def _not_valid(message: str) -> Refusal:
    error = FieldError("data.refund_amount", message)
    return Refusal(Code.VALIDATION_FAILED, "The refund is not possible.", errors=(error,))
