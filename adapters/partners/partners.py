"""The port Partners: which client and which exchange a call belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from random import random
from time import monotonic
from typing import Any, Final, Self

from adapters.partners.client import PartnerClient, PartnerSettings
from adapters.partners.exchange import Exchange
from adapters.partners.figures import NO_FIGURES, PartnerFigures
from adapters.partners.inventory import INVENTORY
from adapters.partners.payment import PAYMENT
from adapters.partners.pricing import PRICING
from domain.effects import Partner, PartnerAnswer, PartnerCall

_TABLES: Final = {
    Partner.INVENTORY: INVENTORY,
    Partner.PRICING: PRICING,
    Partner.PAYMENT: PAYMENT,
}


class HttpPartners:
    """All calls to the three services; an async context manager that holds their connections.

    What goes wrong comes back as PartnerUnavailable; only a bug raises. `clock` gives seconds for
    the circuit breakers, `jitter` a number from 0 to 1 for the pauses between attempts.
    """

    def __init__(
        self,
        inventory: PartnerSettings,
        pricing: PartnerSettings,
        payment: PartnerSettings,
        *,
        clock: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random,
        figures: PartnerFigures = NO_FIGURES,
    ) -> None:
        self._clients = {
            partner: PartnerClient(partner, settings, clock=clock, jitter=jitter, figures=figures)
            for partner, settings in (
                (Partner.INVENTORY, inventory),
                (Partner.PRICING, pricing),
                (Partner.PAYMENT, payment),
            )
        }
        self._routes: dict[type[Any], tuple[PartnerClient, Exchange[Any]]] = {
            kind: (self._clients[partner], exchange)
            for partner, table in _TABLES.items()
            for kind, exchange in table.items()
        }
        self._open = AsyncExitStack()

    def left_alone(self) -> list[tuple[float, dict[str, str]]]:
        """1 for each partner whose breaker is open, else 0; with its name as the label."""
        return [
            (float(client.is_left_alone), {"partner": partner.value})
            for partner, client in self._clients.items()
        ]

    async def __aenter__(self) -> Self:
        for client in self._clients.values():
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        """One call with its retries; the answer of its kind, or PartnerUnavailable."""
        client, exchange = self._routes[type(call)]
        return await client.ask(exchange, call, trace)
