"""Hold another stay: the claims that the booking lacks, then inventory's word on it.

A change of time or party updates the reservation, since a new one would find the booking itself in
the way. Another item is a new reservation under a reference of its own; the old one goes after it.
"""

from __future__ import annotations

from domain.booking import Booking, Hold
from domain.commands import Asked
from domain.effects import (
    ClaimSlot,
    Full,
    PartnerUnavailable,
    Reservation,
    ReserveInventory,
    SlotTaken,
    UpdateReservation,
)
from domain.outcome import Rejected
from domain.policies.partners import inventory_away, no_capacity, slot_unavailable
from domain.refusal import Refusal
from domain.rules import ConflictScope
from domain.stay import Stay, stay_of
from domain.undo import RestoreReservation, Undo, give_back_key
from domain.workflow import Step, ask
from domain.workflows.holding import Held, hold_unit


def claim_stay(
    asked: Asked, booking: Booking, stay: Stay, scope: ConflictScope
) -> Step[Refusal | None]:
    """Claim what the booking lacks of `stay`; where inventory picks the item, nothing yet."""
    is_picked = stay.item is None and booking.hold.item is not None
    is_same = stay.slot == booking.slot and stay.item == booking.hold.item
    if scope is ConflictScope.INVENTORY or is_same or is_picked:
        return None
    claim = ClaimSlot(
        claim_id=asked.derived("claim/wanted"),
        booking_id=booking.id,
        venue_id=booking.venue.id,
        item=stay.item,
        slot=stay.slot,
        extends=True,
    )
    answer = yield from ask(claim)
    return slot_unavailable(answer) if isinstance(answer, SlotTaken) else None


def rehold(
    asked: Asked, booking: Booking, stay: Stay, scope: ConflictScope
) -> Step[Held | Rejected]:
    """What is held for `stay`; refused, inventory is told again of what the booking had."""
    if stay.item != booking.hold.item:
        reserve = _reserve(asked, booking, stay)
        return (yield from hold_unit(asked, reserve, stay.slot, scope, extends=True))
    unchanged = Held(_reservation(booking.hold), booking.hold, is_moved=False)
    if stay == stay_of(booking):
        return unchanged
    update = _update(asked.key("update-reservation"), booking.hold, stay)
    answer = yield from ask(update)
    if isinstance(answer, Full):
        return Rejected(no_capacity(answer.reason))
    if isinstance(answer, PartnerUnavailable):
        owed = yield from _restore(booking, update, answer)
        return Rejected(inventory_away(), owed)
    return unchanged


def _restore(
    booking: Booking, update: UpdateReservation, answer: PartnerUnavailable
) -> Step[tuple[Undo, ...]]:
    """An update that may have landed is overwritten by what the booking still is.

    At once, and again later whatever is heard: the lost one may land after it.
    """
    if not answer.may_have_happened:
        return ()
    key = give_back_key(update.key)
    yield from ask(_update(key, booking.hold, stay_of(booking)))
    owed = RestoreReservation(key, booking.hold.reservation_id)
    return (Undo.of(owed, booking.id, booking.venue.id),)


def _update(key: str, hold: Hold, stay: Stay) -> UpdateReservation:
    return UpdateReservation(
        key=key,
        reservation_id=hold.reservation_id,
        booking_time=stay.slot.starts_at,
        party_size=stay.party_size,
        duration_minutes=stay.slot.minutes,
    )


def _reserve(asked: Asked, booking: Booking, stay: Stay) -> ReserveInventory:
    return ReserveInventory(
        key=asked.key("reserve"),
        venue_id=booking.venue.id,
        venue_type=booking.venue.type,
        booking_time=stay.slot.starts_at,
        party_size=stay.party_size,
        booking_reference=f"{booking.reference}-{booking.version + 1}",
        booking_id=booking.id,
        duration_minutes=stay.slot.minutes,
        item=stay.item,
    )


def _reservation(hold: Hold) -> Reservation:
    return Reservation(hold.reservation_id, hold.item, None)
