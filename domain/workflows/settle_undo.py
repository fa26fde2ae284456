"""Carry out one thing that is owed to a partner; it looks at the booking as it is now.

So whatever happened in between, it converges: what an active booking stands on is never taken from
it, and what nobody stands on goes back. It comes again with backoff until the partner confirms, and
until what was lost on the way can no longer land after it.
"""

from __future__ import annotations

from datetime import timedelta

from domain.booking import Booking
from domain.commands import Moment, SettleUndo
from domain.effects import (
    FindBooking,
    FindUndo,
    Full,
    PartnerUnavailable,
    Released,
    ReleaseInventory,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)
from domain.outcome import Ignored, Settled, StillOwed
from domain.rules import Rules
from domain.undo import RefundMade, RefundOwed, ReleaseOwed, RestoreReservation
from domain.workflow import Step, Workflow, ask, together
from domain.workflows.record_refund import record_refund
from domain.workflows.settle_refund import settle_refund
from domain.workflows.settling import Settling


def settle_undo(command: SettleUndo, at: Moment, rules: Rules) -> Workflow:
    """Settled, StillOwed, or Ignored when this attempt is overtaken."""
    undo, booking = yield from together(FindUndo(command.undo_id), FindBooking(command.booking_id))
    if undo is None or undo.attempt != command.attempt:
        return Ignored("nothing is owed under this attempt")
    settling = Settling(command, undo, booking, at, rules)
    match undo.owed:
        case ReleaseOwed() as owed:
            return (yield from _release(settling, owed))
        case RefundOwed() as owed:
            return (yield from settle_refund(settling, owed))
        case RefundMade() as made:
            return (yield from record_refund(settling, made))
        case RestoreReservation(reservation_id=reservation_id):
            if booking is None or not _stands_on(booking, reservation_id):
                return Settled()
            return (yield from _restore(settling, booking))


def _release(settling: Settling, owed: ReleaseOwed) -> Workflow:
    reservation_id, key = owed.reservation_id, owed.key
    if reservation_id is None and owed.reserve is not None:
        landed = yield from _landed(settling, owed.reserve)
        if not isinstance(landed, str):
            return landed
        # The command's own try had another body, so it had another key.
        reservation_id, key = landed, settling.key("release")
    booking = settling.booking
    if booking is not None and reservation_id is not None and _stands_on(booking, reservation_id):
        return (yield from _restore(settling, booking))
    answer = yield from ask(ReleaseInventory(key, reservation_id, owed.booking_reference))
    return StillOwed(answer.detail) if isinstance(answer, PartnerUnavailable) else Settled()


def _landed(settling: Settling, reserve: ReserveInventory) -> Step[str | Settled | StillOwed]:
    """The id of a reservation whose answer was lost, or the end of the matter.

    A create's is released by its reference first; an update's shares its reference with others. A
    404 proves nothing, so the reserve is sent again under its old key: it answers the reservation
    that it made, or makes the one that is released then; a first try that comes only now finds its
    key used. Once the slot is over it blocks nobody.
    """
    if settling.booking is None:
        by_reference = ReleaseInventory(
            settling.key("release-by-reference"), None, reserve.booking_reference
        )
        answer = yield from ask(by_reference)
        if isinstance(answer, PartnerUnavailable):
            return StillOwed(answer.detail)
        if isinstance(answer, Released):
            return Settled()
    if _is_over(reserve, settling.at):
        return Settled()
    again = yield from ask(reserve)
    match again:
        case PartnerUnavailable():
            return StillOwed(again.detail)
        case Full() if settling.is_proof:
            return Settled()  # had it landed, its old key would have answered it
        case Full():
            return StillOwed("refused under its old key, but the first try may still be under way")
        case _:
            return again.reservation_id


def _is_over(reserve: ReserveInventory, at: Moment) -> bool:
    return at.decided >= reserve.booking_time + timedelta(minutes=reserve.duration_minutes)


def _stands_on(booking: Booking, reservation_id: str) -> bool:
    return booking.is_active and booking.hold.reservation_id == reservation_id


def _restore(settling: Settling, booking: Booking) -> Workflow:
    """Tell inventory what the booking holds, and once more when nothing can land after it.

    A no stays open, for people to see.
    """
    update = UpdateReservation(
        key=settling.key("restore"),
        reservation_id=booking.hold.reservation_id,
        booking_time=booking.slot.starts_at,
        party_size=booking.party_size,
        duration_minutes=booking.slot.minutes,
    )
    answer = yield from ask(update)
    match answer:
        case ReservationUpdated() if settling.is_proof:
            return Settled()
        case ReservationUpdated():
            return StillOwed("inventory was told; once more, in case the lost call lands after it")
        case Full():
            return StillOwed("inventory has no room for what the booking holds")
        case PartnerUnavailable():
            return StillOwed(f"inventory was not told what the booking holds: {answer.detail}")
