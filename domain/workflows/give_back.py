"""Giving back, within the command: what a booking held and paid, what a refused command took.

A partner's outage never stops it: what could not be given back now is owed, as undo.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.booking import Booking, Payment, PaymentStatus
from domain.commands import Asked
from domain.effects import (
    CreateIntent,
    Declined,
    Intent,
    NothingHeld,
    PartnerUnavailable,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReserveInventory,
)
from domain.money import Money
from domain.undo import (
    WHOLE_REFUND_REASON,
    RefundOwed,
    ReleaseOwed,
    Undo,
    give_back_key,
    whole_refund_key,
)
from domain.workflow import Step, ask, together


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The payment after it, and what is still owed."""

    payment: Payment
    owed: tuple[Undo, ...]


def give_back(
    asked: Asked,
    booking: Booking,
    seen: Payment | PartnerUnavailable,
    amount: Money,
    reason: str,
) -> Step[GivenBack]:
    """Release the hold and refund `amount` of what was paid, side by side.

    `seen` is the payment as the payment service tells it. Where it could not tell, or where the
    charge is still in the making, the refund is owed: it is made once the charge is seen.
    """
    release = release_of(asked, booking)
    payment = booking.payment if isinstance(seen, PartnerUnavailable) else seen
    if payment.intent_id is None or amount.is_zero or not _may_be_charged(seen):
        released = yield from ask(release)
        return GivenBack(payment, release_owed(booking, release, released))
    key = asked.key("refund")
    if amount == payment.paid:
        key, reason = whole_refund_key(payment.intent_id), WHOLE_REFUND_REASON
    refund = RefundPayment(key, payment.intent_id, booking.id, amount, reason)
    if not payment.is_known:
        released = yield from ask(release)
        owed = release_owed(booking, release, released)
        return GivenBack(payment, (*owed, refund_owed(booking, refund)))
    released, refunded = yield from together(release, refund)
    owed = release_owed(booking, release, released)
    returned = refunded_amount(refunded, payment)
    if returned is None:
        return GivenBack(payment, (*owed, refund_owed(booking, refund)))
    return GivenBack(payment.given_back(returned), owed)


def _may_be_charged(seen: Payment | PartnerUnavailable) -> bool:
    if isinstance(seen, PartnerUnavailable):
        return True
    return seen.is_known or seen.status is PaymentStatus.PROCESSING


def release_of(asked: Asked, booking: Booking) -> ReleaseInventory:
    """The call that frees what the booking holds at inventory."""
    return ReleaseInventory(asked.key("release"), booking.hold.reservation_id, booking.reference)


def release_owed(
    booking: Booking,
    release: ReleaseInventory,
    answer: Released | NothingHeld | PartnerUnavailable,
) -> tuple[Undo, ...]:
    """What is left of a release by id: nothing once inventory holds it no longer."""
    if not isinstance(answer, PartnerUnavailable):
        return ()
    owed = ReleaseOwed(release.key, release.booking_reference, release.reservation_id)
    return (Undo.of(owed, booking.id, booking.venue.id),)


def refund_owed(booking: Booking, refund: RefundPayment) -> Undo:
    """The same refund, under the same key, for later."""
    owed = RefundOwed(refund.key, refund.intent_id, refund.amount, refund.reason)
    return Undo.of(owed, booking.id, booking.venue.id)


def refunded_amount(answer: Refunded | PartnerUnavailable, payment: Payment) -> Money | None:
    """What went back, at most what was kept; None when the answer is not usable."""
    if isinstance(answer, PartnerUnavailable) or answer.amount.currency != payment.paid.currency:
        return None
    return min(answer.amount, payment.kept)


def release_reserved(
    reserve: ReserveInventory, answer: Reservation | PartnerUnavailable, *, is_only: bool
) -> Step[tuple[Undo, ...]]:
    """Release what a refused command reserved, or may have reserved; gives what is still owed.

    When the answer was lost, a 404 proves nothing: the reservation may be landing only now. Nor
    does a release by reference, unless the reserve `is_only` under it: two updates of one version
    share theirs.
    """
    if isinstance(answer, PartnerUnavailable) and not answer.may_have_happened:
        return ()
    known = answer.reservation_id if isinstance(answer, Reservation) else None
    key = give_back_key(reserve.key)
    if known is None and not is_only:
        owed = ReleaseOwed(key, reserve.booking_reference, None, reserve=reserve)
        return (Undo.of(owed, reserve.booking_id, reserve.venue_id),)
    released = yield from ask(ReleaseInventory(key, known, reserve.booking_reference))
    if isinstance(released, Released) or (known and isinstance(released, NothingHeld)):
        return ()
    again = None if known else reserve
    owed = ReleaseOwed(key, reserve.booking_reference, known, reserve=again)
    return (Undo.of(owed, reserve.booking_id, reserve.venue_id),)


def refund_made(
    booking: Booking, create: CreateIntent, answer: Intent | Declined | PartnerUnavailable
) -> Step[tuple[Undo, ...]]:
    """Refund the intent that a refused update made, if it was charged; gives what is still owed."""
    owed = intent_owed(create, answer)
    if owed is None:
        return ()
    undo = Undo.of(owed, booking.id, booking.venue.id)
    if not isinstance(answer, Intent) or answer.status is not PaymentStatus.SUCCEEDED:
        return (undo,)
    amount = answer.amount or create.amount
    refund = RefundPayment(owed.key, answer.intent_id, create.booking_id, amount, owed.reason)
    refunded = yield from ask(refund)
    return (undo,) if isinstance(refunded, PartnerUnavailable) else ()


def intent_owed(
    create: CreateIntent, answer: Intent | Declined | PartnerUnavailable | None
) -> RefundOwed | None:
    """What may have to be refunded of an intent that no booking will stand on.

    None when surely nothing: it was declined, is still unpaid and unknown to the guest, or was
    never made. An answer of None is one that was not heard.
    """
    match answer:
        case Intent(status=PaymentStatus.SUCCEEDED | PaymentStatus.PROCESSING):
            key = whole_refund_key(answer.intent_id)
            return RefundOwed(key, answer.intent_id, None, WHOLE_REFUND_REASON)
        case Intent() | Declined() | PartnerUnavailable(may_have_happened=False):
            return None
        case _:
            return RefundOwed(
                give_back_key(create.key), None, None, "the command was refused", create=create
            )
