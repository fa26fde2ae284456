"""The house's rules as values: how early, how late, what a cancellation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from domain.booking import VenueType


class ConflictScope(StrEnum):
    UNIT = "unit"  # one booking at a time for a (venue, item), or for the venue without items
    INVENTORY = "inventory"  # the inventory service alone decides; no claim is made


@dataclass(frozen=True, slots=True)
class RefundStep:
    """At least `notice` before the start, `percent` of what was paid comes back."""

    notice: timedelta
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Fallback:
    """Prices per person for when the pricing service is away; a business decision, never a default.

    A venue type without a price is refused instead; so is every one when `is_allowed` is False.
    """

    is_allowed: bool = True
    currency: str = "EUR"
    per_person: Mapping[VenueType, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    min_lead: timedelta = timedelta(minutes=30)  # none for phone and walk_in
    max_ahead: timedelta = timedelta(days=365)
    confirmation_window: timedelta = timedelta(minutes=15)
    no_show_grace: timedelta = timedelta(minutes=15)
    check_in_early: timedelta = timedelta(minutes=720)
    walk_in_grace: timedelta = timedelta(minutes=15)  # a walk-in may have started this long ago
    idempotency_window: timedelta = timedelta(hours=24)
    undo_patience: timedelta = timedelta(minutes=2)  # so long a lost call may still land
    conflict_scope: Mapping[VenueType, ConflictScope] = field(default_factory=dict)
    refund: Mapping[VenueType, tuple[RefundStep, ...]] = field(default_factory=dict)
    fallback: Fallback = field(default_factory=Fallback)

    def scope(self, venue_type: VenueType) -> ConflictScope:
        return self.conflict_scope.get(venue_type, ConflictScope.UNIT)
