"""Partners in memory that keep books, and fail as told: the three of them as one honest ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from itertools import count
from typing import Any, Final, get_args

from domain.booking import PaymentStatus
from domain.effects import (
    Capacity,
    ChangingCall,
    CheckCapacity,
    Claimed,
    ClaimSlot,
    ConfirmIntent,
    CreateIntent,
    Declined,
    FindIntent,
    Full,
    GetQuote,
    Intent,
    NothingHeld,
    Partner,
    PartnerAnswer,
    PartnerUnavailable,
    Quote,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    SlotTaken,
    UpdateReservation,
)
from domain.money import Money
from tests.builders import eur


class Fault(Enum):
    """What becomes of one call."""

    NONE = "it works"
    REFUSED = "it surely did not happen"
    LOST = "it happened, the answer was lost"
    LATE = "it happens only after everybody gave up on it, perhaps after it was undone"
    NO = "the partner says no"
    ODD = "the partner does it in its own way: another item, charged or failed at once"


_CHANGING: Final = get_args(ChangingCall)


@dataclass(frozen=True, slots=True)
class Held:
    reference: str
    item: str | None
    starts_at: datetime
    party_size: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Charge:
    amount: Money
    status: PaymentStatus = PaymentStatus.REQUIRES_PAYMENT
    refunded: Money = field(default_factory=lambda: eur(0))

    @property
    def net(self) -> Money:
        charged = self.status is PaymentStatus.SUCCEEDED
        return self.amount - self.refunded if charged else self.refunded


@dataclass(slots=True)
class Ledger:
    """`faults` are used up one a call; afterwards everything works."""

    faults: Iterator[Fault]
    price: Callable[[int], Money] = lambda party_size: eur(party_size * 50)
    held: dict[str, Held] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refused_refunds: int = 0
    _answers: dict[str, PartnerAnswer] = field(default_factory=dict)
    _late: list[Any] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=count)
    _is_landing: bool = False

    @classmethod
    def failing(cls, faults: Iterable[Fault]) -> Ledger:
        return cls(iter(faults))

    def heal(self) -> None:
        """From now on everything works; what was on its way still is."""
        self.faults = iter(())

    def land(self) -> None:
        """What was on its way arrives; a key that was used meanwhile keeps its first effect."""
        self._is_landing = True
        for call in self._late:
            if call.key not in self._answers:
                self._answers[call.key] = self._do(call, Fault.NONE)
        self._late.clear()
        self._is_landing = False

    def answer(self, effect: Any) -> Any:
        fault = next(self.faults, Fault.NONE)
        if isinstance(effect, ClaimSlot):
            return SlotTaken(()) if fault is Fault.NO else Claimed(effect.claim_id)
        partner = _PARTNER[type(effect)]
        if fault is Fault.REFUSED:
            return PartnerUnavailable(partner, "refused", False)
        if fault is Fault.LATE and isinstance(effect, _CHANGING):
            self._late.append(effect)
            return PartnerUnavailable(partner, "late", True)
        answer = self._answers.get(effect.key)
        if answer is None:
            answer = self._do(effect, fault)
            if not isinstance(answer, PartnerUnavailable | Full | Declined):  # judged afresh
                self._answers[effect.key] = answer
        lost = fault in (Fault.LOST, Fault.LATE)
        return PartnerUnavailable(partner, "lost", True) if lost else answer

    def _do(self, call: Any, fault: Fault) -> PartnerAnswer:
        match call:
            case CheckCapacity():
                return Capacity(fault is not Fault.NO, None, None)
            case GetQuote():
                return self._quote(call)
            case ReserveInventory():
                return Full(None) if fault is Fault.NO else self._reserve(call, fault)
            case UpdateReservation():
                return Full(None) if fault is Fault.NO else self._update(call)
            case ReleaseInventory():
                return self._release(call)
            case CreateIntent():
                return Declined(None) if fault is Fault.NO else self._create(call, fault)
            case ConfirmIntent():
                return Declined(None) if fault is Fault.NO else self._confirm(call, fault)
            case FindIntent():
                charge = self.charges[call.intent_id]
                return Intent(call.intent_id, charge.status, charge.amount)
            case RefundPayment():
                return self._refund(call)
        raise AssertionError(f"nobody answers {call}")

    def _quote(self, call: GetQuote) -> Quote:
        total = self.price(call.party_size)
        return Quote(total, eur(0), eur(0), total, None, None)

    def _reserve(self, call: ReserveInventory, fault: Fault) -> Reservation:
        reservation_id = f"res_{next(self._ids)}"
        item = "another" if fault is Fault.ODD else call.item
        self.held[reservation_id] = Held(
            call.booking_reference,
            item,
            call.booking_time,
            call.party_size,
            call.duration_minutes,
        )
        return Reservation(reservation_id, item, None)

    def _update(self, call: UpdateReservation) -> PartnerAnswer:
        held = self.held.get(call.reservation_id)
        if held is None:
            return PartnerUnavailable(Partner.INVENTORY, "404", False)
        self.held[call.reservation_id] = replace(
            held,
            starts_at=call.booking_time,
            party_size=call.party_size,
            minutes=call.duration_minutes,
        )
        return ReservationUpdated(call.reservation_id)

    def _release(self, call: ReleaseInventory) -> Released | NothingHeld:
        found = [
            reservation_id
            for reservation_id, held in self.held.items()
            if reservation_id == call.reservation_id
            or (call.reservation_id is None and held.reference == call.booking_reference)
        ]
        for reservation_id in found:
            del self.held[reservation_id]
        return Released() if found else NothingHeld()

    def _create(self, call: CreateIntent, fault: Fault) -> Intent:
        intent_id = f"pi_{next(self._ids)}"
        at_once = PaymentStatus.SUCCEEDED if fault is Fault.ODD else PaymentStatus.REQUIRES_PAYMENT
        self.charges[intent_id] = Charge(call.amount, at_once)
        return Intent(intent_id, at_once)

    def _confirm(self, call: ConfirmIntent, fault: Fault) -> Intent:
        charge = self.charges[call.intent_id]
        if charge.status is PaymentStatus.SUCCEEDED and self._is_landing:
            return Intent(call.intent_id, charge.status)  # an intent is charged once
        assert charge.status is not PaymentStatus.SUCCEEDED, "charged a second time"
        status = PaymentStatus.FAILED if fault is Fault.ODD else PaymentStatus.SUCCEEDED
        self.charges[call.intent_id] = replace(charge, status=status)
        return Intent(call.intent_id, status)

    def _refund(self, call: RefundPayment) -> Refunded | PartnerUnavailable:
        charge = self.charges[call.intent_id]
        assert charge.status is PaymentStatus.SUCCEEDED, "refunded what was never paid"
        if charge.net < call.amount:
            self.refused_refunds += 1
            return PartnerUnavailable(Partner.PAYMENT, "more than is left", False)
        self.charges[call.intent_id] = replace(charge, refunded=charge.refunded + call.amount)
        return Refunded(f"re_{next(self._ids)}", call.amount)


_PARTNER: Final[dict[type[Any], Partner]] = {
    CheckCapacity: Partner.INVENTORY,
    ReserveInventory: Partner.INVENTORY,
    UpdateReservation: Partner.INVENTORY,
    ReleaseInventory: Partner.INVENTORY,
    GetQuote: Partner.PRICING,
    CreateIntent: Partner.PAYMENT,
    ConfirmIntent: Partner.PAYMENT,
    FindIntent: Partner.PAYMENT,
    RefundPayment: Partner.PAYMENT,
}
