"""The stand-in payment service: intents, their confirmation, refunds never above what was paid."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from app.demo.partners.service import Answer, Call, Json, refused

_INTENTS: Final = "/api/v1/payments/intents"
_REFUNDS: Final = "/api/v1/payments/refunds"

# What confirming does, by payment method; any other method, and none (then the guest's own
# application has paid with the client secret), is charged.
CONFIRMED_STATUS: Final = {
    "pm_declined": "failed",
    "pm_processing": "processing",
    "pm_requires_action": "requires_action",
}
_STATUSES: Final = frozenset(
    {"requires_confirmation", "requires_action", "processing", "succeeded", "failed"}
)


@dataclass(slots=True)
class Intent:
    """Money asked for, perhaps paid, perhaps given back."""

    id: str
    booking_id: str
    amount: Decimal
    currency: str
    method: str | None
    status: str = "requires_confirmation"
    refunds: list[Decimal] = field(default_factory=list)

    @property
    def refunded(self) -> Decimal:
        """All that went back."""
        return sum(self.refunds, Decimal(0))


class Payment:
    """Holds intents."""

    def __init__(self) -> None:
        run = secrets.token_hex(3)
        self._intents: dict[str, Intent] = {}
        self._intent_ids = (f"pi_{run}{n:06d}" for n in itertools.count(1))
        self._refund_ids = (f"re_{run}{n:06d}" for n in itertools.count(1))
        self._create_call = Call("create-intent", self._create)
        self._confirm_call = Call("confirm-intent", self._confirm)
        self._find_call = Call("find-intent", self._find)
        self._refund_call = Call("refund", self._refund)

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        if method == "POST" and path == _INTENTS:
            return self._create_call, ""
        if method == "POST" and path == _REFUNDS:
            return self._refund_call, ""
        if not path.startswith(_INTENTS + "/"):
            return None
        intent_id, _, verb = path[len(_INTENTS) + 1 :].partition("/")
        match method, verb:
            case "POST", "confirm":
                return self._confirm_call, intent_id
            case "GET", "":
                return self._find_call, intent_id
        return None

    def configure(self, path: str, settings: Json) -> None:
        """`PUT /_intents/<intent id>` with `{"status": …}`: what the guest or the bank did."""
        status = settings["status"]
        if status not in _STATUSES:
            raise ValueError(f"status is one of {sorted(_STATUSES)}")
        self._intents[path.removeprefix("/_intents/")].status = status

    def state(self) -> Json:
        return {
            "intents": [
                {
                    "payment_intent_id": intent.id,
                    "booking_id": intent.booking_id,
                    "status": intent.status,
                    "amount": str(intent.amount),
                    "amount_refunded": str(intent.refunded),
                    "currency": intent.currency,
                }
                for intent in self._intents.values()
            ]
        }

    def _create(self, body: Json, _: str) -> Answer:
        amount = Decimal(str(body["amount"]))
        if not amount.is_finite() or amount <= 0:
            return refused(422, "wrong_amount", "the amount must be above zero")
        intent = Intent(
            id=next(self._intent_ids),
            booking_id=body["booking_id"],
            amount=amount,
            currency=body["currency"],
            method=body.get("payment_method_id"),
        )
        self._intents[intent.id] = intent
        answer = {
            "payment_intent_id": intent.id,
            "client_secret": f"{intent.id}_secret",
            "status": intent.status,
        }
        return Answer(200, answer, effect=True)

    def _confirm(self, body: Json, intent_id: str) -> Answer:
        intent = self._intents.get(intent_id)
        if intent is None:
            return _UNKNOWN
        before = intent.status
        if before in ("requires_confirmation", "requires_action"):
            intent.status = CONFIRMED_STATUS.get(intent.method or "", "succeeded")
        if intent.status == "failed":
            return refused(402, "declined", "the card was declined")
        answer = {"payment_intent_id": intent.id, "status": intent.status}
        if intent.status == "succeeded":
            answer["transaction_id"] = f"tx_{intent.id}"
        return Answer(200, answer, effect=intent.status != before)

    def _find(self, body: Json, intent_id: str) -> Answer:
        intent = self._intents.get(intent_id)
        if intent is None:
            return _UNKNOWN
        return Answer(
            200,
            {
                "payment_intent_id": intent.id,
                "status": intent.status,
                "amount": str(intent.amount),
                "currency": intent.currency,
            },
        )

    def _refund(self, body: Json, _: str) -> Answer:
        intent = self._intents.get(body["payment_intent_id"])
        if intent is None:
            return _UNKNOWN
        amount = Decimal(str(body["amount"]))
        if intent.status != "succeeded":
            return refused(422, "not_paid", f"the intent is {intent.status}")
        if not amount.is_finite() or not 0 < amount <= intent.amount - intent.refunded:
            return refused(422, "more_than_paid", f"{intent.amount - intent.refunded} can go back")
        intent.refunds.append(amount)
        answer = {"refund_id": next(self._refund_ids), "status": "succeeded", "amount": str(amount)}
        return Answer(200, answer, effect=True)


_UNKNOWN: Final = refused(404, "no_such_intent", "this intent was never made")
