"""Who asks again for what they may no longer see hears what a stranger would.

A principal keeps their name when their rights shrink (the venues in the token), and ids and keys go
by the name. So a repeat is held against the rights that it comes with. A redelivery is not: it is
the same record, judged once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.booking import Booking
from domain.permissions import Operation, can_reach
from domain.policies.standing import not_found
from domain.refusal import Code, Refusal
from handlers.item import Item
from handlers.ports import KnownCommand, LaneTransaction
from schemas.stored import dump_principal, load_principal


async def refuse_lost(
    transaction: LaneTransaction, repeats: Sequence[tuple[Item, KnownCommand]]
) -> Mapping[UUID, Refusal]:
    """By the asking commands' row ids, what is answered in place of the command known before.

    Asks the database only where somebody comes with other rights than the first time.
    """
    others = [
        (item, known)
        for item, known in repeats
        if known.start.principal != dump_principal(item.asked.principal)
    ]
    named = {known.start.booking_id for _, known in others if known.start.booking_id}
    bookings = await transaction.find_bookings(sorted(named)) if named else {}
    return {
        item.row_id: refusal
        for item, known in others
        if (refusal := _refusal(item, known, bookings)) is not None
    }


def _refusal(item: Item, known: KnownCommand, bookings: Mapping[UUID, Booking]) -> Refusal | None:
    """A create's venue is judged at intake. Whoever never saw the booking has nothing to lose: the
    first outcome told nothing of it, and must not change when it is asked for again.
    """
    outcome, refusal = known.outcome, item.refusal
    if refusal is not None and refusal.code is Code.FORBIDDEN:
        is_the_same = outcome is not None and outcome.code == Code.FORBIDDEN.word
        return None if is_the_same else refusal
    booking = bookings.get(known.start.booking_id) if known.start.booking_id else None
    if booking is None or can_reach(item.asked.principal, Operation.GET, booking):
        return None
    had_it = can_reach(load_principal(known.start.principal), Operation.GET, booking)
    return (refusal or not_found()) if had_it else None
