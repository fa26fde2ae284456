"""How long a partner's no proves nothing: a call that was not answered may still be under way.

A connection is cut, the partner works on. So a payment that is unpaid now may be paid in a moment,
and a reservation that was refused under its old key may be made by the first try after all.
"""

from __future__ import annotations

from dataclasses import replace

from domain.booking import Booking
from domain.commands import Moment
from domain.effects import Full, Partner, PartnerAnswer, PartnerUnavailable
from domain.rules import Rules
from domain.undo import Undo


def is_proof(undo: Undo, booking: Booking | None, at: Moment, rules: Rules) -> bool:
    """Whether what a partner says now is its last word on what is owed.

    Patience begins with the debt, and again with the booking's last change: what looked at the
    payment then may have looked a moment too early.
    """
    begins = (undo.since, booking.updated_at if booking else None)
    return all(at.decided - begin >= rules.undo_patience for begin in begins if begin)


def after_unheard(answer: PartnerAnswer) -> PartnerAnswer:
    """What an answer says when an earlier try of the same call, under the same key, was not heard.

    Inventory's 409 may be about that very try: it is still being worked on, or it took the room.
    Where the partner could not be asked again, the earlier try may have happened all the same.
    """
    if isinstance(answer, Full):
        return PartnerUnavailable(Partner.INVENTORY, "full, but an earlier try was not heard", True)
    if isinstance(answer, PartnerUnavailable):
        return replace(answer, may_have_happened=True)
    return answer
