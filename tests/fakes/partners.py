"""Inventory, pricing and payment in memory: honest partners that keep a ledger of what they did.

They answer by value, keep one effect per Idempotency-Key, and do wrong only what a test asks for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from domain.booking import PaymentStatus
from domain.effects import (
    Capacity,
    ChangingCall,
    CheckCapacity,
    ConfirmIntent,
    CreateIntent,
    Estimate,
    FindIntent,
    Full,
    GetEstimate,
    GetQuote,
    Intent,
    NothingHeld,
    Partner,
    PartnerAnswer,
    PartnerCall,
    PartnerUnavailable,
    Quote,
    Refunded,
    RefundPayment,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)
from domain.money import Money

_CHANGING = get_args(ChangingCall)
_PARTNER_OF = {
    CheckCapacity: Partner.INVENTORY,
    ReserveInventory: Partner.INVENTORY,
    UpdateReservation: Partner.INVENTORY,
    ReleaseInventory: Partner.INVENTORY,
    GetQuote: Partner.PRICING,
    GetEstimate: Partner.PRICING,
    CreateIntent: Partner.PAYMENT,
    ConfirmIntent: Partner.PAYMENT,
    FindIntent: Partner.PAYMENT,
    RefundPayment: Partner.PAYMENT,
}
PER_PERSON = Decimal(55)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a partner did, once, whatever was sent how often."""

    call: ChangingCall
    answer: PartnerAnswer


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation as inventory has it."""

    reserve: ReserveInventory
    item: str | None
    starts_at: datetime
    minutes: int

    def overlaps(self, starts_at: datetime, minutes: int) -> bool:
        ends_at = self.starts_at + timedelta(minutes=self.minutes)
        return starts_at < ends_at and self.starts_at < starts_at + timedelta(minutes=minutes)


@dataclass(slots=True)
class Charge:
    """An intent as payment has it."""

    create: CreateIntent
    status: PaymentStatus
    refunded: Decimal = Decimal(0)


@dataclass(slots=True)
class Trouble:
    """What goes wrong with the next `times` calls that `hits` says; `lands`: the effect happens."""

    hits: Callable[[PartnerCall], bool]
    answer: PartnerAnswer | BaseException
    times: int
    lands: bool


async def _nothing(when: str, call: PartnerCall) -> None:
    pass


@dataclass(slots=True)
class FakePartners:
    """Implements Partners; `items` are what each venue has, None: inventory names no items."""

    items: tuple[str, ...] | None = ("table-1", "table-2", "table-3")
    total: Decimal | None = None  # None: by the person
    on_call: Callable[[str, PartnerCall], Awaitable[None]] = _nothing  # "before" and "after"
    calls: list[PartnerCall] = field(default_factory=list)
    ledger: list[Effect] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    traces: list[Mapping[str, str]] = field(default_factory=list)
    _answered: dict[str, Effect] = field(default_factory=dict)
    _troubles: list[Trouble] = field(default_factory=list)

    # --- what a test asks for ---

    def answers(
        self,
        kind: type[Any],
        answer: PartnerAnswer | BaseException,
        *,
        times: int = 1,
        lands: bool = False,
        about: Callable[[Any], bool] = lambda call: True,
    ) -> None:
        """The next `times` calls of `kind` hear this; `lands`: after the effect was had."""
        hits = lambda call: isinstance(call, kind) and about(call)  # noqa: E731
        self._troubles.append(Trouble(hits, answer, times, lands))

    def is_away_for(self, kind: type[Any], *, times: int = 1, lands: bool = False) -> None:
        away = PartnerUnavailable(_PARTNER_OF[kind], "away", may_have_happened=lands)
        self.answers(kind, away, times=times, lands=lands)

    def heal(self) -> None:
        self._troubles.clear()

    # --- what a test looks at ---

    def effects(self, kind: type[Any]) -> list[Any]:
        return [effect.call for effect in self.ledger if isinstance(effect.call, kind)]

    def made(self, kind: type[Any]) -> list[Any]:
        return [call for call in self.calls if isinstance(call, kind)]

    # --- Partners ---

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        self.calls.append(call)
        self.traces.append(trace)
        await self.on_call("before", call)
        trouble = self._trouble_with(call)
        if trouble is None or trouble.lands:
            answer = self._once(call)
            await self.on_call("after", call)
            if trouble is None:
                return answer
        if isinstance(trouble.answer, BaseException):
            raise trouble.answer
        return trouble.answer

    def _trouble_with(self, call: PartnerCall) -> Trouble | None:
        for trouble in self._troubles:
            if trouble.times and trouble.hits(call):
                trouble.times -= 1
                return trouble
        return None

    def _once(self, call: PartnerCall) -> PartnerAnswer:
        if not isinstance(call, _CHANGING):
            return self._read(call)
        before = self._answered.get(call.key)
        if before is not None:
            assert before.call == call, f"one key for two calls: {before.call} and {call}"
            return before.answer
        answer = self._change(call)
        effect = Effect(call, answer)
        self._answered[call.key] = effect
        self.ledger.append(effect)
        return answer

    def _read(self, call: PartnerCall) -> PartnerAnswer:
        match call:
            case CheckCapacity():
                is_free, item = self._unit(call)
                return Capacity(is_free, item, None if is_free else "full")
            case GetQuote():
                total, zero = self._price(call.party_size), Money.zero("EUR")
                return Quote(total, zero, zero, total, "pd-1", None)
            case GetEstimate():
                return Estimate(self._price(call.party_size))
            case FindIntent():
                charge = self.charges.get(call.intent_id)
                if charge is None:
                    return PartnerUnavailable(Partner.PAYMENT, "no such intent", False)
                return Intent(call.intent_id, charge.status, charge.create.amount)
        raise AssertionError(f"not a reading call: {call}")

    def _change(self, call: PartnerCall) -> PartnerAnswer:
        match call:
            case ReserveInventory():
                return self._reserve(call)
            case UpdateReservation():
                held = self.held.get(call.reservation_id)
                if held is None:
                    return PartnerUnavailable(Partner.INVENTORY, "status 404", False)
                self.held[call.reservation_id] = replace(
                    held, starts_at=call.booking_time, minutes=call.duration_minutes
                )
                return ReservationUpdated(call.reservation_id)
            case ReleaseInventory():
                return self._release(call)
            case CreateIntent():
                intent_id = f"pi_{call.key[:13]}"
                self.charges[intent_id] = Charge(call, PaymentStatus.REQUIRES_PAYMENT)
                return Intent(intent_id, PaymentStatus.REQUIRES_PAYMENT, call.amount, "secret")
            case ConfirmIntent():
                charge = self.charges[call.intent_id]
                charge.status = PaymentStatus.SUCCEEDED
                return Intent(call.intent_id, charge.status, charge.create.amount)
            case RefundPayment():
                charge = self.charges[call.intent_id]
                assert charge.status is PaymentStatus.SUCCEEDED, "a refund of what was never paid"
                charge.refunded += call.amount.amount
                assert charge.refunded <= charge.create.amount.amount, "more went back than came"
                return Refunded(f"re_{call.key[:13]}", call.amount)
        raise AssertionError(f"not a changing call: {call}")

    def _reserve(self, call: ReserveInventory) -> PartnerAnswer:
        is_free, item = self._unit(call)
        if not is_free:
            return Full("full")
        reservation_id = f"res_{call.key[:13]}"
        self.held[reservation_id] = Held(call, item, call.booking_time, call.duration_minutes)
        return Reservation(reservation_id, item, None)

    def _release(self, call: ReleaseInventory) -> PartnerAnswer:
        found = [
            reservation_id
            for reservation_id, held in self.held.items()
            if reservation_id == call.reservation_id
            or (
                call.reservation_id is None
                and held.reserve.booking_reference == call.booking_reference
            )
        ]
        for reservation_id in found:
            del self.held[reservation_id]
        return Released() if found else NothingHeld()

    def _unit(self, call: CheckCapacity | ReserveInventory) -> tuple[bool, str | None]:
        """Whether there is one for the call, and which; without items there always is."""
        if self.items is None:
            return True, call.item
        taken = {
            held.item
            for held in self.held.values()
            if held.reserve.venue_id == call.venue_id
            and held.overlaps(call.booking_time, call.duration_minutes)
        }
        wanted = self.items if call.item is None else (call.item,)
        free = [item for item in wanted if item not in taken]
        return bool(free), free[0] if free else None

    def _price(self, party_size: int) -> Money:
        return Money(self.total if self.total is not None else PER_PERSON * party_size, "EUR")
