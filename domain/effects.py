"""What a workflow may ask for and what it may hear, of the database and of partners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from domain.booking import Booking, PaymentStatus, VenueType
from domain.money import Money
from domain.time_slot import TimeSlot
from domain.values import dataclass

if TYPE_CHECKING:
    from domain.undo import Undo  # noqa: F401 - named in a parameter; undo itself names effects

A = TypeVar("A", covariant=True)


class Question(Generic[A]):
    """An effect whose answer is an A; the parameter is for the type checker alone."""

    __slots__ = ()


# --- questions to the database ---


@dataclass(frozen=True, slots=True)
class FindBooking(Question[Booking | None]):
    """Answered by the Booking as it is now, or None."""

    booking_id: UUID


@dataclass(frozen=True, slots=True)
class ClaimSlot(Question["Claimed | SlotTaken"]):
    """Take a unit for a time, or hear who holds it; asked again with its id, it is the same claim.

    `extends` says that the booking may hold claims already: only what it lacks is added, and stands
    beside them until the outcome makes one claim of all.
    """

    claim_id: UUID
    booking_id: UUID
    venue_id: UUID
    item: str | None
    slot: TimeSlot
    extends: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    claim_id: UUID


@dataclass(frozen=True, slots=True)
class FindConflicts(Question["tuple[TakenSlot, ...]"]):
    """Answered by the claims that overlap: a tuple of TakenSlot, earliest first, at most 100."""

    venue_id: UUID
    item: str | None
    slot: TimeSlot


@dataclass(frozen=True, slots=True)
class TakenSlot:
    slot: TimeSlot
    item: str | None


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """A claim that was lost; nothing was taken."""

    conflicts: tuple[TakenSlot, ...]


@dataclass(frozen=True, slots=True)
class FindUndo(Question["Undo | None"]):
    """Answered by the Undo as it stands, or None once it is settled."""

    undo_id: UUID


# --- calls to partners; `key` is the Idempotency-Key, the same on every retry and after a crash ---


class Partner(StrEnum):
    INVENTORY = "inventory"
    PRICING = "pricing"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class CheckCapacity(Question["Capacity | PartnerUnavailable"]):
    key: str
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    booking_date: date
    party_size: int
    duration_minutes: int
    item: str | None


@dataclass(frozen=True, slots=True)
class Capacity:
    available: bool
    item: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReserveInventory(Question["Reservation | Full | PartnerUnavailable"]):
    key: str
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    party_size: int
    booking_reference: str
    booking_id: UUID
    duration_minutes: int
    item: str | None


@dataclass(frozen=True, slots=True)
class Reservation:
    reservation_id: str
    item: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class UpdateReservation(Question["ReservationUpdated | Full | PartnerUnavailable"]):
    key: str
    reservation_id: str
    booking_time: datetime
    party_size: int
    duration_minutes: int


@dataclass(frozen=True, slots=True)
class ReservationUpdated:
    reservation_id: str


@dataclass(frozen=True, slots=True)
class Full:
    """Inventory's 409, to a reserve or an update: it has no room for this."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class ReleaseInventory(Question["Released | NothingHeld | PartnerUnavailable"]):
    key: str
    reservation_id: str | None  # None: whatever is held under the reference
    booking_reference: str


@dataclass(frozen=True, slots=True)
class Released:
    pass


@dataclass(frozen=True, slots=True)
class NothingHeld:
    """Inventory's 404 to a release."""


@dataclass(frozen=True, slots=True)
class GetQuote(Question["Quote | PartnerUnavailable"]):
    key: str
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    party_size: int
    duration_minutes: int
    guest_id: UUID


@dataclass(frozen=True, slots=True)
class Quote:
    base: Money
    tax: Money
    discount: Money
    total: Money
    decision_reference: str | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class GetEstimate(Question["Estimate | PartnerUnavailable"]):
    key: str
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    party_size: int
    duration_minutes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    price: Money


@dataclass(frozen=True, slots=True)
class CreateIntent(Question["Intent | Declined | PartnerUnavailable"]):
    key: str
    booking_id: UUID
    booking_reference: str
    amount: Money
    guest_id: UUID
    payment_method_id: str | None = field(repr=False)
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class ConfirmIntent(Question["Intent | Declined | PartnerUnavailable"]):
    key: str
    intent_id: str
    booking_id: UUID


@dataclass(frozen=True, slots=True)
class FindIntent(Question["Intent | PartnerUnavailable"]):
    key: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment as the payment service sees it; `amount` only where it told one."""

    intent_id: str
    status: PaymentStatus  # requires_payment, processing, succeeded or failed
    amount: Money | None = None
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Declined:
    """402 to a payment call."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class RefundPayment(Question["Refunded | PartnerUnavailable"]):
    key: str
    intent_id: str
    booking_id: UUID
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money on its way back; a refund that the partner calls failed is PartnerUnavailable."""

    refund_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PartnerUnavailable:
    """No usable answer: away, too slow, refusing us, or talking garbage."""

    partner: Partner
    detail: str  # for logs and operators; no personal data
    may_have_happened: bool  # False only when the call surely had no effect


LaneQuestion = FindBooking | ClaimSlot | FindUndo
"""What a command may ask the database; FindConflicts is the one question of a query."""
ReadingCall = CheckCapacity | GetQuote | GetEstimate | FindIntent
ChangingCall = (
    ReserveInventory
    | UpdateReservation
    | ReleaseInventory
    | CreateIntent
    | ConfirmIntent
    | RefundPayment
)
"""Calls with an effect: what led to them is stored before they are made."""
PartnerCall = ReadingCall | ChangingCall
SlotQuestion = CheckCapacity | GetEstimate

PartnerAnswer = (
    Capacity
    | Reservation
    | ReservationUpdated
    | Full
    | Released
    | NothingHeld
    | Quote
    | Estimate
    | Intent
    | Declined
    | Refunded
    | PartnerUnavailable
)
