"""What would give back all that a command may have begun, when it can never end by itself.

Used after a bug, and for a started command that nobody will deliver again. It goes by what was
asked and heard, not by what the command meant: carrying it out looks at the booking as it is then.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.booking import PaymentStatus
from domain.effects import (
    ChangingCall,
    ConfirmIntent,
    CreateIntent,
    Declined,
    Full,
    Intent,
    NothingHeld,
    PartnerAnswer,
    PartnerUnavailable,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)
from domain.undo import (
    Owed,
    RefundMade,
    RefundOwed,
    ReleaseOwed,
    RestoreReservation,
    Undo,
    give_back_key,
)
from domain.workflows.give_back import intent_owed

_REASON = "the command could not be ended"


def undo_begun(
    begun: Sequence[tuple[ChangingCall, PartnerAnswer | None]], booking_id: UUID, venue_id: UUID
) -> tuple[Undo, ...]:
    """`begun` holds the calls in their order; an answer of None is one that was not heard."""
    owed: dict[str, Owed] = {}
    for call, answer in begun:
        if call.key in owed:  # it gives back an earlier call
            if _gave_back(owed[call.key], answer):
                del owed[call.key]
        elif (one := _owed(call, answer)) is not None:
            owed[one.key] = one
    return tuple(Undo.of(one, booking_id, venue_id) for one in owed.values())


def _gave_back(owed: Owed, answer: PartnerAnswer | None) -> bool:
    """A 404 to a release proves nothing as long as the reservation's id is not known."""
    if isinstance(answer, NothingHeld):
        return isinstance(owed, ReleaseOwed) and owed.reservation_id is not None
    return isinstance(answer, Released | Refunded | ReservationUpdated)


def _owed(call: ChangingCall, answer: PartnerAnswer | None) -> Owed | None:
    if isinstance(answer, PartnerUnavailable) and not answer.may_have_happened:
        return None
    match call, answer:
        case ReserveInventory(), _:
            return _reserved(call, answer)
        case UpdateReservation(), Full():
            return None
        case UpdateReservation(), _:
            return RestoreReservation(give_back_key(call.key), call.reservation_id)
        case CreateIntent(), Intent() | Declined() | PartnerUnavailable() | None:
            return intent_owed(call, answer)
        case ConfirmIntent(), _:
            return _confirmed(call, answer)
        case ReleaseInventory(), _:
            return _released(call, answer)
        case RefundPayment(), _:
            return _refunded(call, answer)
        case _:
            return None


def _reserved(call: ReserveInventory, answer: PartnerAnswer | None) -> ReleaseOwed | None:
    key, reference = give_back_key(call.key), call.booking_reference
    match answer:
        case Full():
            return None
        case Reservation(reservation_id=reservation_id):
            return ReleaseOwed(key, reference, reservation_id)
        case _:
            return ReleaseOwed(key, reference, None, reserve=call)


def _confirmed(call: ConfirmIntent, answer: PartnerAnswer | None) -> RefundOwed | None:
    match answer:
        case Declined() | Intent(status=PaymentStatus.FAILED | PaymentStatus.REQUIRES_PAYMENT):
            return None
        case _:
            return RefundOwed(give_back_key(call.key), call.intent_id, None, _REASON)


def _released(call: ReleaseInventory, answer: PartnerAnswer | None) -> Owed | None:
    """A booking whose command died may stand on it still: then inventory has to hear of it."""
    if answer is None or isinstance(answer, PartnerUnavailable):
        return ReleaseOwed(call.key, call.booking_reference, call.reservation_id)
    if call.reservation_id is None:
        return None
    return RestoreReservation(give_back_key(call.key), call.reservation_id)


def _refunded(call: RefundPayment, answer: PartnerAnswer | None) -> Owed:
    if isinstance(answer, Refunded):
        return RefundMade(give_back_key(call.key), call.intent_id, answer.amount)
    return RefundOwed(call.key, call.intent_id, call.amount, call.reason)
