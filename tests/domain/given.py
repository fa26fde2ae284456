"""given(workflow).answers({...}): what a workflow asked for, and what it came to.

A script says per type of effect what it is answered: a value, a list of values for one asked
several times, or a function of the effect. An effect that nobody expected fails the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from domain.booking import PaymentStatus
from domain.effects import (
    Capacity,
    CheckCapacity,
    Claimed,
    ClaimSlot,
    ConfirmIntent,
    CreateIntent,
    FindBooking,
    FindIntent,
    GetQuote,
    Intent,
    Partner,
    PartnerUnavailable,
    Question,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)
from domain.outcome import Accepted, Rejected
from domain.refusal import Code, Refusal
from domain.workflow import Step
from tests.builders import a_booking, a_quote

T = TypeVar("T")
E = TypeVar("E", bound=Question[Any])


def away(partner: Partner, *, may_have_happened: bool = False) -> PartnerUnavailable:
    return PartnerUnavailable(partner, "away", may_have_happened)


INVENTORY_AWAY = away(Partner.INVENTORY)
INVENTORY_LOST = away(Partner.INVENTORY, may_have_happened=True)
PRICING_AWAY = away(Partner.PRICING)
PAYMENT_AWAY = away(Partner.PAYMENT)
PAYMENT_LOST = away(Partner.PAYMENT, may_have_happened=True)


def an_intent(
    status: PaymentStatus = PaymentStatus.REQUIRES_PAYMENT, intent_id: str = "pi_1", **fields: Any
) -> Intent:
    return Intent(intent_id, status, **fields)


@dataclass(slots=True)
class Ended(Generic[T]):
    """How it ended, and every effect asked for, in order."""

    result: T
    asked: list[Question[Any]]

    def all(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.asked if isinstance(effect, kind)]

    def one(self, kind: type[E]) -> E:
        (effect,) = self.all(kind)
        return effect

    @property
    def kinds(self) -> list[type[Question[Any]]]:
        return [type(effect) for effect in self.asked]

    @property
    def accepted(self) -> Accepted:
        assert isinstance(self.result, Accepted), self.result
        return self.result

    @property
    def rejected(self) -> Rejected:
        assert isinstance(self.result, Rejected), self.result
        return self.result

    @property
    def refusal(self) -> Refusal:
        return self.rejected.refusal

    @property
    def code(self) -> Code:
        return self.refusal.code


@dataclass(slots=True)
class Given(Generic[T]):
    workflow: Step[T]
    script: dict[type[Question[Any]], Any] = field(default_factory=dict)

    def answers(self, script: Mapping[type[Question[Any]], Any]) -> Ended[T]:
        """Run to the end; this script comes before the friendly one."""
        answers = _friendly() | self.script | dict(script)
        queues = {kind: list(a) for kind, a in answers.items() if isinstance(a, list)}
        asked: list[Question[Any]] = []

        def answer(effect: Question[Any]) -> Any:
            asked.append(effect)
            kind = type(effect)
            assert kind in answers, f"nobody expected {effect}"
            if callable(answers[kind]):
                return answers[kind](effect)
            if kind not in queues:
                return answers[kind]
            assert queues[kind], f"once too often: {effect}"
            return queues[kind].pop(0)

        try:
            asking = next(self.workflow)
            while True:
                asking = self.workflow.send(tuple(answer(effect) for effect in asking))
        except StopIteration as end:
            return Ended(end.value, asked)

    def ends(self) -> Ended[T]:
        return self.answers({})


def given(workflow: Step[T], **script: Any) -> Given[T]:
    """A workflow whose questions are answered as on a good day; `booking` is what is found."""
    script_for: dict[type[Question[Any]], Any] = {}
    if "booking" in script:
        script_for[FindBooking] = script["booking"]
    return Given(workflow, script_for)


def _friendly() -> dict[type[Question[Any]], Any]:
    return {
        FindBooking: a_booking(),
        ClaimSlot: Claimed(a_booking().id),
        CheckCapacity: Capacity(True, None, None),
        GetQuote: a_quote(),
        ReserveInventory: Reservation("res_1", "table-4", None),
        UpdateReservation: ReservationUpdated("res_1"),
        ReleaseInventory: Released(),
        CreateIntent: an_intent(client_secret="secret"),
        FindIntent: an_intent(),
        ConfirmIntent: an_intent(PaymentStatus.SUCCEEDED),
        RefundPayment: lambda refund: Refunded("re_1", refund.amount),
    }
