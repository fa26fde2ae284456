"""The real stand-ins on loopback, the real clients, and builders for calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from adapters.partners import HttpPartners, PartnerSettings
from adapters.partners.names import Resolver, system_resolver
from app.beside import beside
from app.demo.partners import Partners, partners
from app.demo.partners.faults import Fault, Kind
from domain.booking import VenueType
from domain.effects import (
    CheckCapacity,
    ConfirmIntent,
    CreateIntent,
    FindIntent,
    GetEstimate,
    GetQuote,
    PartnerAnswer,
    PartnerCall,
    RefundPayment,
    ReleaseInventory,
    ReserveInventory,
    UpdateReservation,
)
from domain.money import Money

VENUE = UUID("8a3c1f52-6f0a-4f2e-9a51-0d6f3a2b7c10")
BOOKING = UUID("0b7e2d0e-93f5-4a6e-8e4e-2f1f5e8b4d11")
GUEST = UUID("5d7b0f3c-2b51-4c0a-8a1f-8f8c52a7c9d2")
REFERENCE = "BR-20270301-ABCDEF"
AT = datetime(2027, 3, 1, 18, 0, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

CHECK = CheckCapacity("k-check", VENUE, VenueType.RESTAURANT, AT, date(2027, 3, 1), 4, 120, None)
RESERVE = ReserveInventory(
    "k-reserve", VENUE, VenueType.RESTAURANT, AT, 4, REFERENCE, BOOKING, 120, None
)
RELEASE = ReleaseInventory("k-release", None, REFERENCE)
QUOTE = GetQuote("k-quote", VENUE, VenueType.RESTAURANT, AT, 4, 120, GUEST)
ESTIMATE = GetEstimate("k-estimate", VENUE, VenueType.RESTAURANT, AT, 4, 120)
PRICE = Money(Decimal("110.00"), "EUR")
INTENT = CreateIntent("k-intent", BOOKING, REFERENCE, PRICE, GUEST, None)


def an_update(reservation_id: str) -> UpdateReservation:
    return UpdateReservation("k-update", reservation_id, AT, 4, 120)


def a_confirm(intent_id: str) -> ConfirmIntent:
    return ConfirmIntent("k-confirm", intent_id, BOOKING)


def a_find(intent_id: str) -> FindIntent:
    return FindIntent("k-find", intent_id)


def a_refund(intent_id: str, amount: str = "110.00") -> RefundPayment:
    return RefundPayment("k-refund", intent_id, BOOKING, Money(Decimal(amount), "EUR"), "cancelled")


@dataclass
class Clock:
    """Time for the breakers, moved by hand, or by `step` seconds each time somebody looks."""

    now: float = 0.0
    step: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@dataclass
class Town:
    """The stand-ins and a client for them; settings may be changed before the first call."""

    stand_ins: Partners
    clock: Clock = field(default_factory=Clock)
    client: HttpPartners | None = None
    resolver: Resolver = system_resolver

    async def open(self, *, inventory_alone: bool = False, **changed: Any) -> None:
        """(Re)open the client with other settings, for all three partners or for one."""
        await self.close()
        urls = self.stand_ins.urls()
        inventory, pricing, payment = (
            PartnerSettings((urls[f"{name}_url"],)) for name in ("inventory", "pricing", "payment")
        )
        inventory = replace(inventory, **changed)
        if not inventory_alone:
            pricing, payment = replace(pricing, **changed), replace(payment, **changed)
        self.client = HttpPartners(
            inventory,
            pricing,
            payment,
            clock=self.clock,
            jitter=lambda: 0.0,
            resolver=self.resolver,
        )
        await self.client.__aenter__()

    async def close(self) -> None:
        if self.client is not None:
            await self.client.__aexit__()
            self.client = None

    def names_followed(self) -> AbstractAsyncContextManager[None]:
        """As the worker does it, beside the calls."""
        assert self.client is not None
        return beside(*self.client.follow_names())

    async def ask(self, call: PartnerCall) -> PartnerAnswer:
        assert self.client is not None
        return await self.client.call(call, {"traceparent": TRACEPARENT})

    def order(self, kind: Kind, **fields: Any) -> None:
        """The same fault for all three; the partner that is asked first uses its own copy."""
        for desk in (self.stand_ins.inventory, self.stand_ins.pricing, self.stand_ins.payment):
            desk.faults.add(Fault(kind, **fields))

    def ledger(self) -> list[dict[str, Any]]:
        desks = (self.stand_ins.inventory, self.stand_ins.pricing, self.stand_ins.payment)
        return [call for desk in desks for call in desk.ledger()]


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with partners() as stand_ins:
        town = Town(stand_ins)
        await town.open()
        yield town
        await town.close()
