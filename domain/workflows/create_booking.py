"""Create a booking: claim, check, price, reserve, and open the payment; the first no ends it.

The booking begins as pending. What a refused create took is given back before the refusal is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.booking import Booking, Payment
from domain.commands import CreateBooking, Moment
from domain.effects import (
    ClaimSlot,
    Quote,
    SlotTaken,
)
from domain.lifecycle import Status
from domain.money import Price
from domain.outcome import Accepted, Claims, EventType, Happened, Rejected, StatusChange
from domain.policies.partners import (
    refuse_capacity,
    slot_unavailable,
)
from domain.policies.pricing import price_of
from domain.policies.timing import refuse_start
from domain.refusal import Refusal
from domain.rules import ConflictScope, Rules
from domain.workflow import Step, Workflow, ask, together
from domain.workflows import create_calls as calls
from domain.workflows.give_back import release_reserved
from domain.workflows.holding import Held, hold_unit
from domain.workflows.payment import open_payment


def create_booking(command: CreateBooking, at: Moment, rules: Rules) -> Workflow:
    """Accepted with a pending booking, or Rejected with nothing held that is not owed."""
    if refusal := refuse_start(command.slot.starts_at, command.source, at, rules):
        return Rejected(refusal)
    if refusal := (yield from _claim_chosen_item(command, rules)):
        return Rejected(refusal)
    offer = yield from _offer(command, rules)
    if isinstance(offer, Refusal):
        return Rejected(offer)
    price, valid_until = offer
    reserve = calls.reserve(command)
    scope = rules.scope(command.venue.type)
    held = yield from hold_unit(command.asked, reserve, command.slot, scope, extends=False)
    if isinstance(held, Rejected):
        return held
    opened = yield from open_payment(calls.intent(command, price), command.venue.id)
    if isinstance(opened, Rejected):
        released = yield from release_reserved(reserve, held.reservation, is_only=True)
        return replace(opened, owed=opened.owed + released)
    window_ends = at.decided + rules.confirmation_window
    expires_at = earliest(window_ends, held.reservation.expires_at, valid_until)
    changed_by = command.asked.label
    return Accepted(
        booking=_pending(command, at.decided, price, opened.payment, held, expires_at),
        events=(Happened(EventType.CREATED, changed_by, to_status=Status.PENDING),),
        history=StatusChange(None, Status.PENDING, changed_by, None),
        claims=Claims.REPLACE if held.is_moved else Claims.KEEP,
        client_secret=opened.client_secret,
    )


def earliest(first: datetime, *others: datetime | None) -> datetime:
    """The earliest of those that are set."""
    return min([first, *(other for other in others if other is not None)])


def _claim_chosen_item(command: CreateBooking, rules: Rules) -> Step[Refusal | None]:
    """When the client chose the item, the claim comes before any call."""
    if command.item is None or rules.scope(command.venue.type) is ConflictScope.INVENTORY:
        return None
    claim = ClaimSlot(
        claim_id=command.asked.derived("claim/chosen"),
        booking_id=command.booking_id,
        venue_id=command.venue.id,
        item=command.item,
        slot=command.slot,
    )
    answer = yield from ask(claim)
    return slot_unavailable(answer) if isinstance(answer, SlotTaken) else None


def _offer(command: CreateBooking, rules: Rules) -> Step[tuple[Price, datetime | None] | Refusal]:
    """The price, and until when it holds; inventory's no counts before pricing's silence."""
    capacity, quote = yield from together(calls.check(command), calls.quote(command))
    if refusal := refuse_capacity(capacity):
        return refusal
    price = price_of(quote, command.venue.type, command.party_size, rules)
    if isinstance(price, Refusal):
        return price
    return price, quote.valid_until if isinstance(quote, Quote) else None


def _pending(
    command: CreateBooking,
    created_at: datetime,
    price: Price,
    payment: Payment,
    held: Held,
    expires_at: datetime,
) -> Booking:
    return Booking(
        id=command.booking_id,
        reference=command.booking_reference,
        version=1,
        status=Status.PENDING,
        contact=command.contact,
        venue=command.venue,
        slot=command.slot,
        booking_date=command.booking_date,
        party_size=command.party_size,
        price=price,
        payment=payment,
        hold=held.hold,
        special_requests=command.special_requests,
        internal_notes=command.internal_notes,
        source=command.source,
        metadata=command.metadata,
        idempotency_key=command.asked.idempotency_key,
        created_at=created_at,
        updated_at=created_at,
        expires_at=expires_at,
    )
