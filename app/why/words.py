"""What is owed to a partner, in words: by whom it is awaited, and what has to happen."""

from __future__ import annotations

from typing import Final

from domain.effects import Partner
from domain.undo import Owed, RefundMade, RefundOwed, ReleaseOwed, RestoreReservation

NOTHING: Final = "nothing"


def partner_of(owed: Owed) -> str:
    """Who has to confirm it."""
    is_held = isinstance(owed, ReleaseOwed | RestoreReservation)
    return (Partner.INVENTORY if is_held else Partner.PAYMENT).value


def owed_in_words(owed: Owed) -> str:
    """What has to happen; no personal data."""
    match owed:
        case ReleaseOwed(reservation_id=str(reservation_id)):
            return f"release reservation {reservation_id}"
        case ReleaseOwed():
            return f"release whatever a lost reserve made under {owed.booking_reference}"
        case RestoreReservation():
            return f"tell inventory again what {owed.reservation_id} holds"
        case RefundMade():
            return f"record the refund of {owed.amount.text()} {owed.amount.currency} that was made"
        case RefundOwed(intent_id=None):
            return "refund whatever a lost payment intent was charged"
        case RefundOwed(amount=None):
            return f"refund what comes in on {owed.intent_id} ({owed.reason})"
        case RefundOwed(amount=amount):
            told = "" if amount is None else f"{amount.text()} {amount.currency} "
            return f"refund {told}of {owed.intent_id} ({owed.reason})"


def age_in_words(seconds: float) -> str:
    """`42 s`, `12 min`, `3 h 20 min`, `5 d 2 h`."""
    whole = int(abs(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 2:
        return f"{minutes} min"
    if days < 2:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
