"""The pricing service's calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from adapters.partners.exchange import Body, Exchange
from adapters.partners.wire import Amount, Id, Instant, in_utc, money, reader
from domain.booking import VenueType
from domain.effects import Estimate, GetEstimate, GetQuote, Quote


class _AskEstimate(Body):
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    party_size: int
    duration_minutes: int


class _AskQuote(_AskEstimate):
    guest_id: UUID


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


def _estimate_body(call: GetEstimate) -> Body:
    return _AskEstimate(
        call.venue_id, call.venue_type, call.booking_time, call.party_size, call.duration_minutes
    )


def _quote_body(call: GetQuote) -> Body:
    return _AskQuote(
        call.venue_id,
        call.venue_type,
        call.booking_time,
        call.party_size,
        call.duration_minutes,
        call.guest_id,
    )


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
