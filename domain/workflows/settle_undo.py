"""Carry out one thing that is owed to a partner; it looks at the booking as it is now.

So whatever happened in between, it converges: what an active booking stands on is never taken from
it, and what nobody stands on goes back. It comes again with backoff until the partner confirms.
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
from domain.undo import RefundOwed, ReleaseOwed, RestoreReservation
from domain.workflow import Step, Workflow, ask, together
from domain.workflows.settle_refund import settle_refund


def settle_undo(command: SettleUndo, at: Moment) -> Workflow:
    """Settled, StillOwed, or Ignored when this attempt is overtaken."""
    undo, booking = yield from together(FindUndo(command.undo_id), FindBooking(command.booking_id))
    if undo is None or undo.attempt != command.attempt:
        return Ignored("nothing is owed under this attempt")
    match undo.owed:
        case ReleaseOwed() as owed:
            return (yield from _release(command, owed, booking, at))
        case RefundOwed() as owed:
            return (yield from settle_refund(command, owed, booking, at))
        case RestoreReservation(reservation_id=reservation_id):
            if booking is None or not _stands_on(booking, reservation_id):
                return Settled()
            return (yield from _restore(command, booking))


def _release(
    command: SettleUndo, owed: ReleaseOwed, booking: Booking | None, at: Moment
) -> Workflow:
    reservation_id, key = owed.reservation_id, owed.key
    if reservation_id is None and owed.reserve is not None:
        landed = yield from _landed(command, owed.reserve, booking, at)
        if not isinstance(landed, str):
            return landed
        # The command's own try had another body, so it had another key.
        reservation_id, key = landed, command.asked.key("release")
    if booking is not None and reservation_id is not None and _stands_on(booking, reservation_id):
        return (yield from _restore(command, booking))
    answer = yield from ask(ReleaseInventory(key, reservation_id, owed.booking_reference))
    return StillOwed(answer.detail) if isinstance(answer, PartnerUnavailable) else Settled()


def _landed(
    command: SettleUndo, reserve: ReserveInventory, booking: Booking | None, at: Moment
) -> Step[str | Settled | StillOwed]:
    """The id of a reservation whose answer was lost, or the end of the matter.

    A create's is released by its reference first; an update's shares its reference with others. A
    404 proves nothing, so the reserve is sent again under its old key: it answers the reservation
    that it made, or makes the one that is released then. Once the slot is over it blocks nobody.
    """
    if booking is None:
        by_reference = ReleaseInventory(
            command.asked.key("release-by-reference"), None, reserve.booking_reference
        )
        answer = yield from ask(by_reference)
        if isinstance(answer, PartnerUnavailable):
            return StillOwed(answer.detail)
        if isinstance(answer, Released):
            return Settled()
    if _is_over(reserve, at):
        return Settled()
    again = yield from ask(reserve)
    match again:
        case PartnerUnavailable():
            return StillOwed(again.detail)
        case Full():
            return Settled()  # had it landed, its old key would have answered it
        case _:
            return again.reservation_id


def _is_over(reserve: ReserveInventory, at: Moment) -> bool:
    return at.decided >= reserve.booking_time + timedelta(minutes=reserve.duration_minutes)


def _stands_on(booking: Booking, reservation_id: str) -> bool:
    return booking.is_active and booking.hold.reservation_id == reservation_id


def _restore(command: SettleUndo, booking: Booking) -> Workflow:
    """Tell inventory what the booking holds; a no stays open, for people to see."""
    update = UpdateReservation(
        key=command.asked.key("restore"),
        reservation_id=booking.hold.reservation_id,
        booking_time=booking.slot.starts_at,
        party_size=booking.party_size,
        duration_minutes=booking.slot.minutes,
    )
    answer = yield from ask(update)
    match answer:
        case ReservationUpdated():
            return Settled()
        case Full():
            return StillOwed("inventory has no room for what the booking holds")
        case PartnerUnavailable():
            return StillOwed(answer.detail)
