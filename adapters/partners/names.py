"""The names in a partner's URLs, looked up again and again, since a name's addresses change."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final, TypeAlias

import structlog
from pyreqwest.http import Url

from adapters.partners.addresses import Addresses
from domain.effects import Partner

_AT_MOST_EACH_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)

Resolver: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""The IP addresses of a name, the most wanted one first; raises OSError when they are not known."""


async def system_resolver(host: str) -> Sequence[str]:
    """What the machine's own resolver says, in its own order (RFC 6724)."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Names:
    """Keeps a partner's addresses at what its names say; an unanswered look-up changes nothing.

    `every_seconds` 0: nothing is looked up here, and the HTTP client does it for each connection.
    """

    def __init__(
        self,
        partner: Partner,
        urls: Sequence[str],
        addresses: Addresses,
        *,
        every_seconds: float,
        resolver: Resolver,
    ) -> None:
        hosts = {url: host_of(url) for url in urls} if every_seconds else {}
        self._hosts = {url: host for url, host in hosts.items() if not _is_ip(host)}
        self._partner = partner
        self._addresses = addresses
        self._every_seconds = every_seconds
        self._resolver = resolver
        self._said: dict[str, Sequence[str] | None] = {}  # by host; None: there was no answer
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Look up soon: somebody could not be reached, and may have moved."""
        self._wanted.set()

    async def follow(self) -> None:
        """Look up until cancelled; ends at once where there is no name."""
        while self._hosts:
            for url, host in self._hosts.items():
                await self._look_up(url, host)
            gap = min(self._every_seconds, _AT_MOST_EACH_SECONDS)
            await asyncio.sleep(gap)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds - gap):
                    await self._wanted.wait()
            self._wanted.clear()

    async def _look_up(self, url: str, host: str) -> None:
        try:
            ips = _usable(await self._resolver(host))
        except (OSError, UnicodeError) as error:  # UnicodeError: no name at all, says the codec
            if self._said.get(host, ()) is not None:
                _log.warning(
                    "partner's name is not found",
                    partner=self._partner.value,
                    host=host,
                    detail=str(error),
                )
            self._said[host] = None
            return
        said = self._said.get(host)
        await self._addresses.lead(url, ips)
        self._said[host] = ips
        if said is None or set(said) != set(ips):
            _log.info(
                "partner's name is found", partner=self._partner.value, host=host, addresses=ips
            )


def _usable(ips: Sequence[str]) -> Sequence[str]:
    """Each once, without those of a scope (fe80::1%eth0), where no URL leads. Raises OSError."""
    usable = [ip for ip in dict.fromkeys(ips) if "%" not in ip]
    if not usable:
        raise OSError(f"expected addresses, got {', '.join(ips) or 'none'}")
    return usable


def host_of(url: str) -> str:
    """The host in a URL as the HTTP client reads it: small letters, without brackets."""
    return (Url(url).host_str or "").strip("[]")


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
