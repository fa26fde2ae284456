"""Update a booking: price it anew, claim, open the payment, then have inventory's word last.

What cannot be undone comes after everything that can be refused: the refund of a difference and the
release of the item that was left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.booking import Booking, Payment
from domain.changes import public_changes
from domain.commands import Changes, Moment, UpdateBooking
from domain.effects import CreateIntent, FindBooking
from domain.money import Money
from domain.outcome import Accepted, Claims, EventType, Happened, Rejected
from domain.permissions import Operation
from domain.policies.modifying import refuse_not_modifiable
from domain.policies.standing import refuse_version, within_reach
from domain.policies.timing import refuse_guest_after_start, refuse_lapsed, refuse_start
from domain.refusal import Refusal
from domain.rules import ConflictScope, Rules
from domain.stay import Stay, given, stay_after
from domain.undo import Undo
from domain.workflow import Step, Workflow, ask
from domain.workflows.give_back import refund_made
from domain.workflows.holding import Held
from domain.workflows.left_behind import owe_replaced, refund_difference, release_left
from domain.workflows.payment import Opened, open_payment
from domain.workflows.rehold import claim_stay, rehold
from domain.workflows.reprice import Repriced, reprice


def update_booking(command: UpdateBooking, at: Moment, rules: Rules) -> Workflow:
    """Accepted at the next version, even when nothing differs: the client can count on it."""
    found = yield from ask(FindBooking(command.booking_id))
    booking = within_reach(found, command.asked.principal, Operation.UPDATE)
    if isinstance(booking, Refusal):
        return Rejected(booking)
    stay = _allowed_stay(command, booking, at, rules)
    if isinstance(stay, Refusal):
        return Rejected(stay)
    repriced = yield from reprice(command.asked, booking, stay, rules)
    if isinstance(repriced, Refusal):
        return Rejected(repriced)
    scope = rules.scope(booking.venue.type)
    if refusal := (yield from claim_stay(command.asked, booking, stay, scope)):
        return Rejected(refusal)
    taken = yield from _take(command, booking, stay, repriced, scope)
    if isinstance(taken, Rejected):
        return taken
    payment, owed = yield from _leave(command, booking, taken, repriced)
    after = _changed(command.changes, booking, stay, repriced, taken, payment, at.decided)
    changed_by = command.asked.label
    changes = public_changes(booking, after)
    is_moved = (after.slot, after.hold.item) != (booking.slot, booking.hold.item)
    return Accepted(
        booking=after,
        events=(Happened(EventType.UPDATED, changed_by, changes=changes),),
        claims=Claims.REPLACE if is_moved and scope is ConflictScope.UNIT else Claims.KEEP,
        owed=owed,
        client_secret=taken.opened.client_secret if taken.opened else None,
    )


def _allowed_stay(
    command: UpdateBooking, booking: Booking, at: Moment, rules: Rules
) -> Stay | Refusal:
    principal = command.asked.principal
    if refusal := (
        refuse_version(booking, command.expected_version)
        or refuse_not_modifiable(booking, command.changes, principal)
        or refuse_lapsed(booking, at)
        or refuse_guest_after_start(booking, principal, at)
    ):
        return refusal
    stay = stay_after(booking, command.changes)
    if isinstance(stay, Refusal) or stay.slot.starts_at == booking.slot.starts_at:
        return stay
    return refuse_start(stay.slot.starts_at, booking.source, at, rules) or stay


@dataclass(frozen=True, slots=True)
class _Taken:
    held: Held
    opened: Opened | None  # a new intent, where one was needed


def _take(
    command: UpdateBooking,
    booking: Booking,
    stay: Stay,
    repriced: Repriced,
    scope: ConflictScope,
) -> Step[_Taken | Rejected]:
    """The new intent, then the new hold; a refused hold gives a charged intent back."""
    create = _intent(command, booking, repriced.price.total)
    opened: Opened | None = None
    if repriced.needs_intent:
        answer = yield from open_payment(create, booking.venue.id)
        if isinstance(answer, Rejected):
            return answer
        opened = answer
    held = yield from rehold(command.asked, booking, stay, scope)
    if isinstance(held, Rejected):
        if opened is None or opened.intent is None:
            return held
        owed = yield from refund_made(booking, create, opened.intent)
        return replace(held, owed=held.owed + owed)
    return _Taken(held, opened)


def _leave(
    command: UpdateBooking, booking: Booking, taken: _Taken, repriced: Repriced
) -> Step[tuple[Payment, tuple[Undo, ...]]]:
    """The payment after the update, and what is owed of what it leaves behind."""
    released = yield from release_left(command.asked, booking, taken.held.hold)
    if taken.opened is not None:
        return taken.opened.payment, released + owe_replaced(command.asked, booking)
    payment, owed = yield from refund_difference(
        command.asked, booking, repriced.payment, repriced.refund
    )
    return payment, released + owed


def _intent(command: UpdateBooking, booking: Booking, amount: Money) -> CreateIntent:
    return CreateIntent(
        key=command.asked.key("intent"),
        booking_id=booking.id,
        booking_reference=booking.reference,
        amount=amount,
        guest_id=booking.contact.guest_id,
        payment_method_id=None,
    )


def _changed(
    changes: Changes,
    booking: Booking,
    stay: Stay,
    repriced: Repriced,
    taken: _Taken,
    payment: Payment,
    at: datetime,
) -> Booking:
    contact = booking.contact
    return booking.changed(
        at,
        contact=replace(
            contact,
            name=given(changes.guest_name, contact.name),
            email=given(changes.guest_email, contact.email),
            phone=given(changes.guest_phone, contact.phone),
        ),
        slot=stay.slot,
        booking_date=stay.booking_date,
        party_size=stay.party_size,
        price=repriced.price,
        payment=payment,
        hold=taken.held.hold,
        special_requests=given(changes.special_requests, booking.special_requests),
        internal_notes=given(changes.internal_notes, booking.internal_notes),
        metadata=given(changes.metadata, booking.metadata),
        expires_at=_expires_at(booking, taken, repriced),
    )


def _expires_at(booking: Booking, taken: _Taken, repriced: Repriced) -> datetime | None:
    """A pending booking never gains time by an update, or it could hold a slot for ever."""
    if booking.expires_at is None:
        return None
    limits = (booking.expires_at, taken.held.reservation.expires_at, repriced.valid_until)
    return min(limit for limit in limits if limit is not None)
