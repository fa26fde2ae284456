"""What an accepted update leaves behind: an item, an intent, a difference in price.

It comes last, since none of it can be taken back; what fails is owed.
"""

from __future__ import annotations

from domain.booking import Booking, Hold, Payment
from domain.commands import Asked
from domain.effects import RefundPayment
from domain.money import Money
from domain.undo import RefundOwed, Undo
from domain.workflow import Step, ask
from domain.workflows.give_back import (
    refund_owed,
    refunded_amount,
    release_of,
    release_owed,
)


def release_left(asked: Asked, booking: Booking, hold: Hold) -> Step[tuple[Undo, ...]]:
    """Release what the booking held, where it holds something else now."""
    if hold.reservation_id == booking.hold.reservation_id:
        return ()
    release = release_of(asked, booking)
    return release_owed(booking, release, (yield from ask(release)))


def refund_difference(
    asked: Asked, booking: Booking, payment: Payment, difference: Money
) -> Step[tuple[Payment, tuple[Undo, ...]]]:
    """Give back what the new price is lower by; gives the payment after it."""
    if payment.intent_id is None or difference.is_zero:
        return payment, ()
    refund = RefundPayment(
        asked.key("refund"), payment.intent_id, booking.id, difference, "price lowered"
    )
    returned = refunded_amount((yield from ask(refund)), payment)
    if returned is None:
        return payment, (refund_owed(booking, refund),)
    return payment.given_back(returned), ()


def owe_replaced(asked: Asked, booking: Booking) -> tuple[Undo, ...]:
    """The old intent can still be paid with its secret; whatever comes in on it goes back."""
    intent_id = booking.payment.intent_id
    if intent_id is None:
        return ()
    key = asked.key("refund-replaced")
    owed = RefundOwed(key, intent_id, None, "replaced by another payment")
    return (Undo.of(owed, booking.id, booking.venue.id),)
