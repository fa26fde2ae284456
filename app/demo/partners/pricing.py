"""The stand-in pricing service: the same question always costs the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from app.demo.partners.service import Answer, Call, Json

_DIGITS: Final = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}
_PER_PERSON: Final = {
    "hotel": Decimal(60),  # a night
    "restaurant": Decimal(25),
    "cafe": Decimal(8),
    "retail": Decimal(15),
}
_NIGHT_MINUTES: Final = 1440


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a venue asks for: per person (a hotel: and night), plus tax, less discount.

    `as_numbers` sends money as JSON numbers in place of strings; both are usual.
    `valid_seconds` sets `valid_until`.
    """

    per_person: Decimal | None = None
    currency: str = "EUR"
    tax_percent: Decimal = Decimal(10)
    discount_percent: Decimal = Decimal(0)
    as_numbers: bool = False
    valid_seconds: float | None = None

    @classmethod
    def parse(cls, settings: Json) -> Tariff:
        """From JSON; decimals as strings or numbers."""
        decimals = {"per_person", "tax_percent", "discount_percent"}
        exact: Json = {
            name: Decimal(str(value)) if name in decimals else value
            for name, value in settings.items()
        }
        return cls(**exact)


class Pricing:
    """Quotes and estimates."""

    def __init__(self) -> None:
        self._tariffs: dict[str, Tariff] = {}
        self._quotes: dict[tuple[Tariff, str, int, int], Json] = {}
        self._calls = {
            "/api/v1/pricing/calculate": Call("calculate", self._calculate),
            "/api/v1/pricing/estimate": Call("estimate", self._estimate),
        }

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        call = self._calls.get(path)
        return (call, "") if call and method == "POST" else None

    def configure(self, path: str, settings: Json) -> None:
        """`PUT /_venues/<venue id>` with the fields of `Tariff`."""
        self._tariffs[path.removeprefix("/_venues/")] = Tariff.parse(settings)

    def state(self) -> Json:
        return {}

    def _calculate(self, body: Json, _: str) -> Answer:
        quote = self._quote(body)
        if seconds := self._tariff(body).valid_seconds:
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            quote = {**quote, "valid_until": until.isoformat()}
        return Answer(200, quote)

    def _estimate(self, body: Json, _: str) -> Answer:
        quote = self._quote(body)
        return Answer(200, {"estimated_price": quote["total_price"], "currency": quote["currency"]})

    def _tariff(self, body: Json) -> Tariff:
        return self._tariffs.get(body["venue_id"], _USUAL)

    def _quote(self, body: Json) -> Json:
        venue_type = body["venue_type"]
        nights = -(-body["duration_minutes"] // _NIGHT_MINUTES) if venue_type == "hotel" else 1
        question = (self._tariff(body), venue_type, body["party_size"], nights)
        if (quote := self._quotes.get(question)) is None:
            quote = self._quotes[question] = _priced(*question)
        return quote


_USUAL: Final = Tariff()


def _priced(tariff: Tariff, venue_type: str, party_size: int, nights: int) -> Json:
    step = Decimal(1).scaleb(-_DIGITS.get(tariff.currency, 2))

    def rounded(amount: Decimal) -> Decimal:
        return amount.quantize(step, ROUND_HALF_UP)

    each = _PER_PERSON[venue_type] if tariff.per_person is None else tariff.per_person
    base = rounded(each * party_size * nights)
    tax = rounded(base * tariff.tax_percent / 100)
    discount = rounded(base * tariff.discount_percent / 100)
    asked = f"{tariff} {venue_type} {party_size} {nights}"

    def sent(amount: Decimal) -> str | float:
        return float(amount) if tariff.as_numbers else str(amount)

    return {
        "base_price": sent(base),
        "tax_amount": sent(tax),
        "discount_amount": sent(discount),
        "total_price": sent(base + tax - discount),
        "currency": tariff.currency,
        "decision_reference": "PD-" + hashlib.sha256(asked.encode()).hexdigest()[:12],
    }
