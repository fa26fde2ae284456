"""Starting the three stand-ins on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.demo.partners.desk import Desk
from app.demo.partners.inventory import Inventory
from app.demo.partners.payment import Payment
from app.demo.partners.pricing import Pricing
from app.demo.partners.server import Connection


@dataclass(frozen=True, slots=True)
class Partners:
    """Where the stand-ins listen, and the desks behind them for whoever shares their process."""

    inventory_url: str
    pricing_url: str
    payment_url: str
    inventory: Desk
    pricing: Desk
    payment: Desk

    def urls(self) -> dict[str, str]:
        """The addresses alone, by the name of the partner."""
        return {
            "inventory_url": self.inventory_url,
            "pricing_url": self.pricing_url,
            "payment_url": self.payment_url,
        }


@asynccontextmanager
async def partners(
    host: str = "127.0.0.1",
    inventory_port: int = 0,
    pricing_port: int = 0,
    payment_port: int = 0,
    *,
    keep_ledger: bool = True,
) -> AsyncIterator[Partners]:
    """Listen on three ports (0: any free one) until the block ends."""
    inventory = Desk(Inventory, keep_ledger=keep_ledger)
    pricing = Desk(Pricing, keep_ledger=keep_ledger)
    payment = Desk(Payment, keep_ledger=keep_ledger)
    async with AsyncExitStack() as open_servers:
        yield Partners(
            inventory_url=await _listen(open_servers, inventory, host, inventory_port),
            pricing_url=await _listen(open_servers, pricing, host, pricing_port),
            payment_url=await _listen(open_servers, payment, host, payment_port),
            inventory=inventory,
            pricing=pricing,
            payment=payment,
        )


async def _listen(open_servers: AsyncExitStack, desk: Desk, host: str, port: int) -> str:
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(desk, connections), host, port, backlog=1024
    )

    async def stop() -> None:
        server.close()
        for connection in list(connections):  # keep-alive connections would wait for their client
            connection.abort()
        await server.wait_closed()

    open_servers.push_async_callback(stop)
    return f"http://{host}:{server.sockets[0].getsockname()[1]}"
