"""Where a partner answers: which address takes the next call, and which ones rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, TypeAlias

import structlog
from pyreqwest.client import Client

from adapters.partners.breaker import Breaker
from domain.effects import Partner

_RESTS_AFTER: Final = 3  # failures in a row; one that could not be reached rests at once
_REST_SECONDS: Final = 10.0

_log = structlog.get_logger(__name__)

Connect: TypeAlias = Callable[[str, str | None], Client]
"""Connections of their own for a URL; its host is taken to be at the IP, when there is one."""


@dataclass(slots=True, eq=False)
class Address:
    """One place where a partner answers. `ip` is None where the URL alone says where it is."""

    url: str
    ip: str | None
    http: Client
    is_spare: bool = False  # of the other IP version: only when the first one's are no good
    in_flight: int = 0
    rest: Breaker = field(default_factory=lambda: Breaker(_RESTS_AFTER, _REST_SECONDS))

    def rests(self, now: float) -> bool:
        """Whether calls should go elsewhere; not so while a trial is due."""
        return self.rest.next_trial_at is not None and now < self.rest.next_trial_at

    def __str__(self) -> str:
        return self.url if self.ip is None else f"{self.url} at {self.ip}"


@dataclass(frozen=True, slots=True)
class AddressCounts:
    """How many addresses of a partner take calls, and how many are left alone."""

    serving: int
    resting: int


class Addresses:
    """The addresses of one partner. The only one that there is never rests."""

    def __init__(self, partner: Partner, urls: Sequence[str], connect: Connect) -> None:
        self._partner = partner
        self._urls = urls
        self._connect = connect
        self._known = [Address(url, None, connect(url, None)) for url in urls]
        self._turn = 0

    @property
    def counts(self) -> AddressCounts:
        """As things are now."""
        resting = sum(address.rest.is_open for address in self._known)
        return AddressCounts(len(self._known) - resting, resting)

    def choose(self, now: float, failed: Collection[Address]) -> Address:
        """Where to call next: the fewest calls in flight, in turn where that is equal.

        One that has `failed` this call is taken only before one that rests. When all rest, one of
        them is tried anyway: whether to call at all is for the partner's breaker to say.
        """
        known = self._known
        if len(known) == 1:
            return known[0]
        turn = self._turn
        chosen = min(
            known[turn:] + known[:turn],
            key=lambda it: (it.rests(now), it in failed, it.is_spare, it.in_flight),
        )
        self._turn = (known.index(chosen) + 1) % len(known)
        if chosen.rest.is_open:
            chosen.rest, _ = chosen.rest.admit(now)
        return chosen

    def has_other_than(self, failed: Collection[Address]) -> bool:
        """Whether there is one that has not failed this call, be it at rest."""
        return any(address not in failed for address in self._known)

    def has_serving_other_than(self, failed: Collection[Address], now: float) -> bool:
        """Whether there is one that has not failed this call and does not rest."""
        return any(not it.rests(now) for it in self._known if it not in failed)

    def answered(self, address: Address) -> None:
        """It is well again, whatever it was before."""
        was_open = address.rest.is_open
        address.rest = address.rest.succeeded()
        if was_open:
            _log.warning(
                "partner's address is back", partner=self._partner.value, address=str(address)
            )

    def failed(self, address: Address, now: float, *, reached: bool, detail: str) -> None:
        """Count it; it rests after some in a row, and at once when it could not be reached."""
        if len(self._known) == 1:
            return
        was_open = address.rest.is_open
        for _ in range(1 if reached else _RESTS_AFTER):
            address.rest = address.rest.failed(now)
        if address.rest.is_open and not was_open:
            _log.warning(
                "partner's address rests",
                partner=self._partner.value,
                address=str(address),
                detail=detail,
            )

    async def lead(self, url: str, ips: Sequence[str]) -> None:
        """From now on `url` leads to `ips`, the most wanted one first; one at least.

        Those it led to before and does not any more get no further call. They are only forgotten:
        a client closes its connections when nobody holds it, that is with the last call in flight.
        """
        before = {address.ip: address for address in self._known if address.url == url}
        first_version = ip_address(ips[0]).version
        led: list[Address] = []
        for ip in ips:
            address = before.get(ip)
            if address is None:  # some milliseconds, mostly for reading the trusted certificates
                address = Address(url, ip, await asyncio.to_thread(self._connect, url, ip))
            address.is_spare = ip_address(ip).version != first_version
            led.append(address)
        others = [address for address in self._known if address.url != url]
        self._known = sorted([*others, *led], key=lambda it: self._urls.index(it.url))

    async def close(self) -> None:
        """Cut all connections."""
        for address in self._known:
            await address.http.close()
