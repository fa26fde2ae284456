"""The port Partners: which client and which exchange a call belongs to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from random import random
from time import monotonic
from typing import Any, Final, Self

from adapters.partners.addresses import AddressCounts
from adapters.partners.client import PartnerClient, PartnerSettings
from adapters.partners.exchange import Exchange
from adapters.partners.figures import NO_FIGURES, PartnerFigures
from adapters.partners.inventory import INVENTORY
from adapters.partners.names import Resolver, system_resolver
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
    the circuit breakers, `jitter` a number from 0 to 1 for the pauses between attempts, `resolver`
    the addresses of a name. Somebody has to run `follow_names`, or each name stays one address.
    """

    def __init__(
        self,
        inventory: PartnerSettings,
        pricing: PartnerSettings,
        payment: PartnerSettings,
        *,
        clock: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random,
        resolver: Resolver = system_resolver,
        figures: PartnerFigures = NO_FIGURES,
    ) -> None:
        self._clients = {
            partner: PartnerClient(
                partner, settings, clock=clock, jitter=jitter, resolver=resolver, figures=figures
            )
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

    @property
    def addresses(self) -> Mapping[Partner, AddressCounts]:
        """How many addresses of each serve and rest now."""
        return {partner: client.addresses for partner, client in self._clients.items()}

    def known_addresses(self) -> list[tuple[float, dict[str, str]]]:
        """The same with their labels, for whoever observes it."""
        return [
            (float(count), {"partner": partner.value, "state": state})
            for partner, counts in self.addresses.items()
            for state, count in (("serving", counts.serving), ("resting", counts.resting))
        ]

    def follow_names(self) -> list[Coroutine[None, None, None]]:
        """To be run beside: each keeps to what the names of a partner say, until cancelled."""
        return [client.follow_names() for client in self._clients.values()]

    def call(
        self, call: PartnerCall, trace: Mapping[str, str]
    ) -> Coroutine[Any, Any, PartnerAnswer]:
        """One call with its retries; the answer of its kind, or PartnerUnavailable."""
        client, exchange = self._routes[type(call)]
        return client.ask(exchange, call, trace)
