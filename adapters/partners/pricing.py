"""The pricing service's calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from adapters.partners.exchange import Exchange, Json
from adapters.partners.wire import Amount, Id, Instant, in_utc, money, reader
from domain.effects import Estimate, GetEstimate, GetQuote, Quote


class _Quote(msgspec.Struct):
    base_price: Amount
    tax_amount: Amount
    discount_amount: Amount
    total_price: Amount
    currency: str
    decision_reference: Id | None = None
    valid_until: Instant | None = None


class _Estimate(msgspec.Struct):
    estimated_price: Amount
    currency: str


_read_quote: Final = reader(_Quote)
_read_estimate: Final = reader(_Estimate)


def _estimate_body(call: GetQuote | GetEstimate) -> Json:
    return {
        "venue_id": call.venue_id,
        "venue_type": call.venue_type,
        "booking_time": call.booking_time,
        "party_size": call.party_size,
        "duration_minutes": call.duration_minutes,
    }


def _quote_body(call: GetQuote) -> Json:
    return {**_estimate_body(call), "guest_id": call.guest_id}


def _quote(body: bytes, _: GetQuote) -> Quote:
    told = _read_quote(body)
    return Quote(
        base=money(told.base_price, told.currency),
        tax=money(told.tax_amount, told.currency),
        discount=money(told.discount_amount, told.currency),
        total=money(told.total_price, told.currency),
        decision_reference=told.decision_reference,
        valid_until=in_utc(told.valid_until),
    )


def _estimate(body: bytes, _: GetEstimate) -> Estimate:
    told = _read_estimate(body)
    return Estimate(money(told.estimated_price, told.currency))


PRICING: Final[Mapping[type[Any], Exchange[Any]]] = {
    GetQuote: Exchange("/api/v1/pricing/calculate", _quote_body, success=_quote),
    GetEstimate: Exchange("/api/v1/pricing/estimate", _estimate_body, success=_estimate),
}
