"""Every reason for a no, as a table: its code, the status of its reply, whether to try again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Code(Enum):
    """A refusal's code: (word on the wire, reply status, title, retryable).

    Retryable means that nothing stands of it: a new command with the same key may succeed.
    """

    UNREADABLE = ("unreadable", 400, "The record cannot be read")
    VALIDATION_FAILED = ("validation_failed", 400, "The request is not valid")
    INVALID_TRANSITION = ("invalid_transition", 400, "The booking cannot change to this status")
    BOOKING_IN_PAST = ("booking_in_past", 400, "The booking would start in the past")
    TOO_SOON = ("too_soon", 400, "It is too soon for this")
    TOO_LATE = ("too_late", 400, "It is too late for this")
    TOO_FAR_AHEAD = ("too_far_ahead", 400, "The booking lies too far ahead")
    NOT_MODIFIABLE = ("not_modifiable", 400, "The booking cannot be changed in its status")
    PAYMENT_REQUIRED = ("payment_required", 400, "The payment is not completed")
    PAYMENT_DECLINED = ("payment_declined", 400, "The payment was declined")
    PRICE_INCREASE_REQUIRES_PAYMENT = (
        "price_increase_requires_payment",
        400,
        "The new price is higher than what was paid",
    )
    DEADLINE_PASSED = ("deadline_passed", 400, "The deadline passed before the work began", True)
    UNAUTHENTICATED = ("unauthenticated", 401, "The token is missing or not valid")
    FORBIDDEN = ("forbidden", 403, "This role may not do this")
    BOOKING_NOT_FOUND = ("booking_not_found", 404, "There is no such booking")
    VERSION_CONFLICT = ("version_conflict", 409, "The booking has changed meanwhile")
    IDEMPOTENCY_KEY_REUSED = (
        "idempotency_key_reused",
        409,
        "The idempotency key belongs to another request",
    )
    COMMAND_ID_REUSED = ("command_id_reused", 409, "The command id belongs to other content")
    OUTCOME_RETIRED = ("outcome_retired", 409, "The command ended too long ago to show how")
    SLOT_UNAVAILABLE = ("slot_unavailable", 409, "Another booking holds the slot")
    NO_CAPACITY = ("no_capacity", 409, "The inventory service has no capacity")
    RATE_LIMITED = ("rate_limited", 429, "Too many requests", True)
    INVENTORY_UNAVAILABLE = (
        "inventory_unavailable",
        500,
        "The inventory service gives no answer",
        True,
    )
    PRICING_UNAVAILABLE = ("pricing_unavailable", 500, "The pricing service gives no answer", True)
    PAYMENT_FAILED = ("payment_failed", 500, "The payment service gives no answer", True)
    INTERNAL_ERROR = ("internal_error", 500, "The service failed on this command")

    def __init__(self, word: str, status: int, title: str, retryable: bool = False) -> None:
        self.word = word
        self.status = status
        self.title = title
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str  # as the client wrote it: "data.party_size"
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no, with what the client needs to act on it; `extras` are JSON values beside the code."""

    code: Code
    detail: str
    errors: tuple[FieldError, ...] = ()
    extras: Mapping[str, object] = field(default_factory=dict)
