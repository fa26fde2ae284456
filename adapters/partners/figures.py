"""What is counted of calls to partners, and what each call is called there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.metrics import Counter, Histogram, Meter

from domain.effects import (
    CheckCapacity,
    ConfirmIntent,
    CreateIntent,
    FindIntent,
    GetEstimate,
    GetQuote,
    Partner,
    PartnerCall,
    RefundPayment,
    ReleaseInventory,
    ReserveInventory,
    UpdateReservation,
)
from schemas.instruments import NO_METER, counter, histogram
from schemas.measures import PARTNER_CALL, PARTNER_FAILURES

CALLS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    CheckCapacity: {"partner": Partner.INVENTORY.value, "call": "check"},
    ReserveInventory: {"partner": Partner.INVENTORY.value, "call": "reserve"},
    UpdateReservation: {"partner": Partner.INVENTORY.value, "call": "update"},
    ReleaseInventory: {"partner": Partner.INVENTORY.value, "call": "release"},
    GetQuote: {"partner": Partner.PRICING.value, "call": "calculate"},
    GetEstimate: {"partner": Partner.PRICING.value, "call": "estimate"},
    CreateIntent: {"partner": Partner.PAYMENT.value, "call": "intent"},
    ConfirmIntent: {"partner": Partner.PAYMENT.value, "call": "confirm"},
    FindIntent: {"partner": Partner.PAYMENT.value, "call": "find"},
    RefundPayment: {"partner": Partner.PAYMENT.value, "call": "refund"},
}


@dataclass(frozen=True, slots=True)
class PartnerFigures:
    """Calls with all their attempts, and attempts that brought nothing."""

    calls: Histogram
    failures: Counter

    @classmethod
    def by(cls, meter: Meter) -> PartnerFigures:
        return cls(histogram(meter, PARTNER_CALL), counter(meter, PARTNER_FAILURES))

    def answered(self, call: PartnerCall, result: str, seconds: float) -> None:
        self.calls.record(seconds, {**CALLS[type(call)], "result": result})

    def failed(self, call: PartnerCall, reason: str) -> None:
        """An attempt without a usable answer."""
        self.failures.add(1, {**CALLS[type(call)], "reason": reason})


NO_FIGURES: Final = PartnerFigures.by(NO_METER)
