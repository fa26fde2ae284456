"""The booking: the one thing this service owns, and how each action changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from domain.lifecycle import ACTIVE, Status
from domain.money import Money, Price
from domain.time_slot import TimeSlot
from domain.values import dataclass


class VenueType(StrEnum):
    HOTEL = "hotel"
    RESTAURANT = "restaurant"
    CAFE = "cafe"
    RETAIL = "retail"


class Source(StrEnum):
    WEB = "web"
    MOBILE = "mobile"
    PHONE = "phone"
    WALK_IN = "walk_in"


class PaymentStatus(StrEnum):
    NONE = "none"  # no intent was made yet
    NOT_REQUIRED = "not_required"  # a zero total
    REQUIRES_PAYMENT = "requires_payment"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    AT_VENUE = "at_venue"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Venue:
    id: UUID
    type: VenueType
    name: str | None
    time_zone: str | None  # IANA; None: the offset the client sent decides what a local day is


@dataclass(frozen=True, slots=True)
class Contact:
    """The guest, as far as they told us; name, email and phone are personal."""

    guest_id: UUID
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    # The guest's key that the personal part of the booking was found sealed with.
    key_id: UUID | None = field(default=None, compare=False)
    is_erased: bool = False  # that key is destroyed: nobody will ever read it again


@dataclass(frozen=True, slots=True)
class Payment:
    intent_id: str | None
    status: PaymentStatus
    paid: Money
    refunded: Money

    @property
    def kept(self) -> Money:
        """What was paid and not given back."""
        return self.paid - self.refunded

    @property
    def is_known(self) -> bool:
        """Whether a charge on the intent was seen; until then only the payment service knows."""
        return not self.paid.is_zero

    def covers(self, total: Money) -> bool:
        return total <= self.kept

    def at_venue(self) -> Payment:
        """Paid to the venue itself, whatever became of the intent."""
        return replace(self, status=PaymentStatus.AT_VENUE)

    def given_back(self, amount: Money) -> Payment:
        """`amount` more went back, at most what was kept."""
        if amount.is_zero:
            return self
        refunded = self.refunded + amount
        is_all = refunded == self.paid
        status = PaymentStatus.REFUNDED if is_all else PaymentStatus.PARTIALLY_REFUNDED
        return replace(self, status=status, refunded=refunded)


@dataclass(frozen=True, slots=True)
class Hold:
    """What the inventory service reserved for the booking."""

    reservation_id: str
    item: str | None  # the room or table; None: the whole venue is the unit


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking at one version; versions start at 1 and rise by one with every change."""

    id: UUID
    reference: str
    version: int
    status: Status
    contact: Contact
    venue: Venue
    slot: TimeSlot
    booking_date: date  # the local day of the start
    party_size: int
    price: Price
    payment: Payment
    hold: Hold
    special_requests: str | None = field(repr=False)
    internal_notes: str | None = field(repr=False)
    source: Source
    metadata: Mapping[str, object] | None
    idempotency_key: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None  # only while pending
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    checked_in_at: datetime | None = None
    completed_at: datetime | None = None
    cancellation_reason: str | None = field(default=None, repr=False)
    cancelled_by: str | None = None  # a principal's label

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_personal(self) -> bool:
        """Whether it holds anything that has to be sealed."""
        contact = self.contact
        return any(
            each is not None
            for each in (
                contact.name,
                contact.email,
                contact.phone,
                self.special_requests,
                self.internal_notes,
                self.idempotency_key,
                self.cancellation_reason,
            )
        )

    def without_person(self) -> Booking:
        """The same version, of a guest who is erased."""
        return replace(
            self,
            contact=Contact(
                self.contact.guest_id, None, None, None, self.contact.key_id, is_erased=True
            ),
            special_requests=None,
            internal_notes=None,
            idempotency_key=None,
            cancellation_reason=None,
        )

    @property
    def overpaid(self) -> Money:
        """What is kept beyond the price: after an update made it cheaper, until it went back."""
        surplus = self.payment.kept - self.price.total
        zero = Money.zero(self.price.currency)
        return max(surplus, zero)

    def changed(self, at: datetime, **fields: object) -> Booking:
        """The next version, with these fields replaced."""
        return replace(self, version=self.version + 1, updated_at=at, **fields)  # type: ignore[arg-type]  # replace() checks the names at run time
