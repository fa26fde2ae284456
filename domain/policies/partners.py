"""What a partner's no, or its silence, means to the client."""

from __future__ import annotations

from domain.effects import Capacity, PartnerUnavailable, SlotTaken
from domain.refusal import Code, Refusal


def inventory_away() -> Refusal:
    """No usable answer; what the call may have done is given back."""
    return Refusal(Code.INVENTORY_UNAVAILABLE, "The inventory service gave no usable answer.")


def pricing_away() -> Refusal:
    """No usable answer, and no price of our own for this venue type."""
    return Refusal(Code.PRICING_UNAVAILABLE, "The pricing service gave no usable answer.")


def payment_away() -> Refusal:
    """No usable answer; a charge that went through is found by asking the intent."""
    return Refusal(Code.PAYMENT_FAILED, "The payment service gave no usable answer.")


def refuse_capacity(answer: Capacity | PartnerUnavailable) -> Refusal | None:
    """Inventory's word on room for a booking; availability and create both go by it."""
    if isinstance(answer, PartnerUnavailable):
        return inventory_away()
    return None if answer.available else no_capacity(answer.reason)


def no_capacity(reason: str | None) -> Refusal:
    """Inventory says no, and perhaps why."""
    extras = {} if reason is None else {"reason": reason}
    return Refusal(Code.NO_CAPACITY, "The venue has no room for this booking.", extras=extras)


def slot_unavailable(taken: SlotTaken) -> Refusal:
    """Another booking holds the slot; when, the client may know, who, not."""
    count = len(taken.conflicts)
    detail = "Another booking holds this slot." if count <= 1 else "Other bookings hold this slot."
    return Refusal(Code.SLOT_UNAVAILABLE, detail)


def payment_declined() -> Refusal:
    """402 or `failed`."""
    return Refusal(Code.PAYMENT_DECLINED, "The payment was declined: try another payment method.")


def payment_required() -> Refusal:
    """Not paid and not refused either: processing, or waiting for the guest."""
    return Refusal(
        Code.PAYMENT_REQUIRED, "The payment is not completed yet: complete it, then confirm again."
    )
