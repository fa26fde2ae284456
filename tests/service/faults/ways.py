"""A worker's own way to the database, through a proxy, and what the server sees at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from app.local_servers.loopback import free_port
from tests.service.faults.proxy import Carrying, Proxy, downwards, proxy, upwards
from tests.service.house import House

DATABASE = "BOOKING_DATABASE__URL"
KAFKA = "BOOKING_KAFKA__BOOTSTRAP_SERVERS"


@asynccontextmanager
async def way_to_the_database(
    house: House, *, up: Carrying = upwards, down: Carrying = downwards
) -> AsyncIterator[tuple[Proxy, dict[str, str]]]:
    """The proxy, and the settings of a worker that takes this way."""
    place = urlsplit(house.settings[DATABASE])
    target = (place.hostname or "127.0.0.1", place.port or 5432)
    async with proxy(free_port(), target, up=up, down=down) as wire:
        who = place.netloc.rpartition("@")[0]
        url = urlunsplit(place._replace(netloc=f"{who}@{wire.address}" if who else wire.address))
        yield wire, {DATABASE: url}


async def connections(house: House, which: str) -> int:
    """How many of the server's connections to this house's workers are like this."""
    (found,) = await house.rows(
        "select count(*) from pg_stat_activity where datname = current_database()"
        f" and application_name = 'booking-worker' and {which}"
    )
    return int(found["count"])
