"""The payment service's calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec

from adapters.partners.exchange import Body, Exchange, FailedError, GarbledError
from adapters.partners.wire import Amount, Id, money, reader, reason_of
from domain.booking import PaymentStatus
from domain.effects import (
    ConfirmIntent,
    CreateIntent,
    Declined,
    FindIntent,
    Intent,
    Refunded,
    RefundPayment,
)

_STATUSES: Final = {
    "created": PaymentStatus.REQUIRES_PAYMENT,
    "pending": PaymentStatus.REQUIRES_PAYMENT,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "failed": PaymentStatus.FAILED,
    "canceled": PaymentStatus.FAILED,
    "cancelled": PaymentStatus.FAILED,
    "refunded": PaymentStatus.FAILED,  # its money went back: nothing can be paid with it
}
_REQUIRES: Final = "requires_"  # …action, …confirmation, and what else a guest still has to do
_REFUND_UNDER_WAY: Final = frozenset(
    {"succeeded", "completed", "refunded", "accepted", "created", "processing", "pending"}
)


class _Create(Body):
    booking_id: UUID
    booking_reference: str
    amount: str
    currency: str
    guest_id: UUID
    payment_method_id: str | None = None
    metadata: Mapping[str, object] | None = None


class _Confirm(Body):
    booking_id: UUID


class _Return(Body):
    payment_intent_id: str
    booking_id: UUID
    amount: str
    reason: str


class _Created(msgspec.Struct):
    payment_intent_id: Id
    status: str
    client_secret: Id | None = None


class _Confirmed(msgspec.Struct):
    payment_intent_id: Id
    status: str


class _Found(msgspec.Struct):
    payment_intent_id: Id
    status: str
    amount: Amount
    currency: str


class _Refund(msgspec.Struct):
    refund_id: Id
    status: str
    amount: Amount


_read_created: Final = reader(_Created)
_read_confirmed: Final = reader(_Confirmed)
_read_found: Final = reader(_Found)
_read_refund: Final = reader(_Refund)


def _create_body(call: CreateIntent) -> Body:
    return _Create(
        call.booking_id,
        call.booking_reference,
        call.amount.text(),
        call.amount.currency,
        call.guest_id,
        call.payment_method_id,
        call.metadata,
    )


def _created(body: bytes, _: CreateIntent) -> Intent:
    told = _read_created(body)
    return Intent(told.payment_intent_id, _status(told.status), client_secret=told.client_secret)


def _confirmed(body: bytes, call: ConfirmIntent) -> Intent:
    told = _read_confirmed(body)
    _expect_intent(call.intent_id, told.payment_intent_id)
    return Intent(told.payment_intent_id, _status(told.status))


def _found(body: bytes, call: FindIntent) -> Intent:
    told = _read_found(body)
    _expect_intent(call.intent_id, told.payment_intent_id)
    amount = money(told.amount, told.currency)
    return Intent(told.payment_intent_id, _status(told.status), amount)


def _refund_body(call: RefundPayment) -> Body:
    return _Return(call.intent_id, call.booking_id, call.amount.text(), call.reason)


def _refunded(body: bytes, call: RefundPayment) -> Refunded:
    told = _read_refund(body)
    amount = money(told.amount, call.amount.currency)
    if told.status not in _REFUND_UNDER_WAY:
        raise FailedError(f"the refund is {told.status[:40]!r}")
    if amount != call.amount:
        raise GarbledError(f"expected {call.amount.text()} to be refunded, got {amount.text()}")
    return Refunded(told.refund_id, amount)


def _declined(body: bytes, _: CreateIntent | ConfirmIntent) -> Declined:
    return Declined(reason_of(body))


def _status(word: str) -> PaymentStatus:
    if word.startswith(_REQUIRES):
        return PaymentStatus.REQUIRES_PAYMENT
    try:
        return _STATUSES[word]
    except KeyError:
        raise GarbledError(f"expected one of {', '.join(_STATUSES)}, got {word[:40]!r}") from None


def _expect_intent(asked: str, told: str) -> None:
    if told != asked:
        raise GarbledError("expected the intent that was asked for, got another one")


def _intent_path(call: ConfirmIntent | FindIntent) -> str:
    return f"/api/v1/payments/intents/{quote(call.intent_id, safe='')}"


def _confirm_path(call: ConfirmIntent) -> str:
    return _intent_path(call) + "/confirm"


PAYMENT: Final[Mapping[type[Any], Exchange[Any]]] = {
    CreateIntent: Exchange(
        "/api/v1/payments/intents", _create_body, success=_created, refusals={402: _declined}
    ),
    ConfirmIntent: Exchange(
        _confirm_path,
        lambda call: _Confirm(call.booking_id),
        success=_confirmed,
        refusals={402: _declined},
    ),
    FindIntent: Exchange(_intent_path, None, success=_found),
    RefundPayment: Exchange("/api/v1/payments/refunds", _refund_body, success=_refunded),
}
