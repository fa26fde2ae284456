"""Whether a slot could be booked now, and what it would cost: the same judgement as a create's.

Both go by `refuse_start`, by inventory's word through `refuse_capacity`, and by the claims that
overlap the unit; so they cannot disagree about the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.booking import Source
from domain.commands import CheckAvailability, Moment
from domain.effects import (
    Capacity,
    CheckCapacity,
    Estimate,
    FindConflicts,
    GetEstimate,
    PartnerUnavailable,
    TakenSlot,
)
from domain.named_ids import named_id
from domain.policies.partners import inventory_away, refuse_capacity
from domain.policies.timing import refuse_start
from domain.refusal import Code, Refusal
from domain.rules import ConflictScope, Rules
from domain.workflow import Step, ask, together


@dataclass(frozen=True, slots=True)
class Availability:
    """`reasons` are why not, empty when available.

    All are asked even where the rules say no: who plans a day wants the whole answer. `estimate` is
    None while the pricing service is away. Nothing in it is older than `checked_at`.
    """

    reasons: tuple[Code, ...]
    conflicts: tuple[TakenSlot, ...]
    inventory: Capacity
    estimate: Estimate | None
    checked_at: datetime

    @property
    def is_available(self) -> bool:
        return not self.reasons


def check_availability(
    query: CheckAvailability, at: Moment, rules: Rules
) -> Step[Availability | Refusal]:
    """A Refusal only while the inventory service is away."""
    too_early_or_late = refuse_start(query.slot.starts_at, Source.WEB, at, rules)
    capacity, estimate = yield from together(_check(query), _estimate(query))
    if isinstance(capacity, PartnerUnavailable):
        return inventory_away()
    full = refuse_capacity(capacity)
    conflicts = yield from _conflicts(query, capacity, rules)
    slot_taken = (Code.SLOT_UNAVAILABLE,) if conflicts else ()
    return Availability(
        reasons=(*_code(too_early_or_late), *slot_taken, *_code(full)),
        conflicts=conflicts,
        inventory=capacity,
        estimate=estimate if isinstance(estimate, Estimate) else None,
        checked_at=at.decided,
    )


def _code(refusal: Refusal | None) -> tuple[Code, ...]:
    return (refusal.code,) if refusal else ()


def _conflicts(
    query: CheckAvailability, capacity: Capacity, rules: Rules
) -> Step[tuple[TakenSlot, ...]]:
    """The claims in the way of the unit that client or inventory names, else of the venue."""
    if rules.scope(query.venue_type) is ConflictScope.INVENTORY:
        return ()
    item = query.item or capacity.item
    return (yield from ask(FindConflicts(query.venue_id, item, query.slot)))


def _check(query: CheckAvailability) -> CheckCapacity:
    return CheckCapacity(
        key=_key(query.query_id, "capacity"),
        venue_id=query.venue_id,
        venue_type=query.venue_type,
        booking_time=query.slot.starts_at,
        booking_date=query.booking_date,
        party_size=query.party_size,
        duration_minutes=query.slot.minutes,
        item=query.item,
    )


def _estimate(query: CheckAvailability) -> GetEstimate:
    return GetEstimate(
        key=_key(query.query_id, "estimate"),
        venue_id=query.venue_id,
        venue_type=query.venue_type,
        booking_time=query.slot.starts_at,
        party_size=query.party_size,
        duration_minutes=query.slot.minutes,
    )


def _key(query_id: UUID, step: str) -> str:
    return str(named_id(query_id, f"call/{step}"))
