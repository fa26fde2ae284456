"""The stand-in partners' back doors: prepare venues, order faults, look into the books."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from app.demo.script import PartnerName, Venue


class Desks:
    """One HTTP client for the three; raises httpx.HTTPError when one of them does not obey."""

    def __init__(self, http: httpx.AsyncClient, urls: Mapping[PartnerName, str]) -> None:
        self._http = http
        self._urls = urls

    async def prepare(self, venue: Venue) -> None:
        """Tell the inventory what the venue has."""
        await self._call("inventory", "PUT", f"/_venues/{venue.id}", venue.inventory)

    async def break_down(self, partner: PartnerName, fault: Mapping[str, Any]) -> None:
        await self._call(partner, "POST", "/_faults", fault)

    async def mend(self, partner: PartnerName) -> None:
        await self._call(partner, "DELETE", "/_faults")

    async def calls(self) -> dict[PartnerName, int]:
        """How many calls each of them answered, or refused to."""
        return {
            partner: len((await self._call(partner, "GET", "/_ledger"))["calls"])
            for partner in self._urls
        }

    async def held(self) -> list[dict[str, Any]]:
        """The reservations that stand, all venues together."""
        state = await self._call("inventory", "GET", "/_state")
        return list(state["reservations"])

    async def kept(self) -> dict[str, Decimal]:
        """The money that was paid and did not go back, by booking id."""
        kept: dict[str, Decimal] = {}
        for intent in (await self._call("payment", "GET", "/_state"))["intents"]:
            if intent["status"] == "succeeded":
                left = Decimal(intent["amount"]) - Decimal(intent["amount_refunded"])
                kept[intent["booking_id"]] = kept.get(intent["booking_id"], Decimal(0)) + left
        return kept

    async def _call(
        self, partner: PartnerName, method: str, path: str, body: object = None
    ) -> dict[str, Any]:
        answer = await self._http.request(method, self._urls[partner] + path, json=body)
        answer.raise_for_status()
        return dict(answer.json())
