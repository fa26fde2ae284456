"""What a partner call costs in CPU, by HTTP client: `python bench/http_clients.py`.

One interleaved run against the stand-ins in a process of their own, 50 calls at a time over
keep-alive connections, each a POST with the headers of a real call and a parsed JSON answer. The
figure is this process's CPU time (user and system, all threads), per call; the rounds take turns so
that a noisy machine is noisy for all. Clients that are not installed are left out
(`pip install aiohttp httpx-aiohttp`). docs/decisions/0010-http-client.md has the conclusion.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import orjson

CONCURRENT = 50
CALLS = 2_000
ROUNDS = 7
PATH = "/api/v1/inventory/reserve"
BODY = {
    "venue_id": "8a3c1f52-6f0a-4f2e-9a51-0d6f3a2b7c10",
    "venue_type": "restaurant",
    "booking_time": "2027-03-01T19:00:00+01:00",
    "party_size": 4,
    "booking_reference": "BR-20270301-ABCDEF",
    "booking_id": "0b7e2d0e-93f5-4a6e-8e4e-2f1f5e8b4d11",
    "duration_minutes": 120,
}
SENT = orjson.dumps(BODY)

Post: TypeAlias = Callable[[str], Awaitable[Any]]
"""One call under an Idempotency-Key; gives the parsed answer."""


def headers(key: str) -> dict[str, str]:
    """What every partner call carries."""
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


async def with_httpx(url: str, stack: AsyncExitStack, transport: Any = None) -> Post:
    """Stock httpx: httpcore and h11, pure Python."""
    import httpx

    limits = httpx.Limits(max_connections=CONCURRENT, max_keepalive_connections=CONCURRENT)
    client = httpx.AsyncClient(
        base_url=url, timeout=5, limits=limits, trust_env=False, transport=transport
    )
    await stack.enter_async_context(client)

    async def post(key: str) -> Any:
        response = await client.post(PATH, content=SENT, headers=headers(key))
        return orjson.loads(response.content)

    return post


async def with_httpx_over_aiohttp(url: str, stack: AsyncExitStack) -> Post:
    """The httpx API over aiohttp's compiled parser."""
    import httpx
    from httpx_aiohttp import AiohttpTransport

    limits = httpx.Limits(max_connections=CONCURRENT, max_keepalive_connections=CONCURRENT)
    return await with_httpx(url, stack, AiohttpTransport(limits=limits))


async def with_httpx_over_pyreqwest(url: str, stack: AsyncExitStack) -> Post:
    """The httpx API over reqwest, through the transport that pyreqwest brings."""
    from pyreqwest.client import ClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport

    client = ClientBuilder().no_proxy().build()
    return await with_httpx(url, stack, HttpxTransport(client))


async def with_aiohttp(url: str, stack: AsyncExitStack) -> Post:
    """The bare aiohttp client."""
    import aiohttp

    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            url,
            connector=aiohttp.TCPConnector(limit=CONCURRENT),
            timeout=aiohttp.ClientTimeout(total=5),
        )
    )

    async def post(key: str) -> Any:
        async with session.post(PATH, data=SENT, headers=headers(key)) as response:
            return orjson.loads(await response.read())

    return post


async def with_pyreqwest(url: str, stack: AsyncExitStack, *, streamed: bool = False) -> Post:
    """Rust's reqwest, the answer read whole by it."""
    from datetime import timedelta

    from pyreqwest.client import ClientBuilder

    client = await stack.enter_async_context(
        ClientBuilder().base_url(url).no_proxy().timeout(timedelta(seconds=5)).build()
    )

    async def post(key: str) -> Any:
        request = client.post(PATH).headers(headers(key)).body_bytes(SENT)
        if not streamed:
            response = await request.build().send()
            return orjson.loads(memoryview(await response.bytes()))
        async with request.build_streamed() as response:
            answer = bytearray()
            while chunk := await response.body_reader.read_chunk():
                answer += memoryview(chunk)
            return orjson.loads(answer)

    return post


async def with_pyreqwest_streamed(url: str, stack: AsyncExitStack) -> Post:
    """The same, the answer read piece by piece so that it can be limited."""
    return await with_pyreqwest(url, stack, streamed=True)


async def with_booking_adapter(url: str, stack: AsyncExitStack) -> Post:
    """The whole of adapters/partners: deadline, retries, breaker, strict answers."""
    from datetime import datetime
    from uuid import UUID

    from adapters.partners import HttpPartners, PartnerSettings
    from domain.booking import VenueType
    from domain.effects import ReserveInventory

    settings = PartnerSettings((url,))
    client = await stack.enter_async_context(HttpPartners(settings, settings, settings))
    trace = {"traceparent": headers("")["traceparent"]}
    venue, booking = UUID(str(BODY["venue_id"])), UUID(str(BODY["booking_id"]))
    starts_at = datetime.fromisoformat(str(BODY["booking_time"]))

    async def post(key: str) -> Any:
        call = ReserveInventory(
            key, venue, VenueType.RESTAURANT, starts_at, 4, "BR-20270301-ABCDEF", booking, 120, None
        )
        return await client.call(call, trace)

    return post


CLIENTS = {
    "httpx": with_httpx,
    "httpx over aiohttp": with_httpx_over_aiohttp,
    "httpx over pyreqwest": with_httpx_over_pyreqwest,
    "aiohttp": with_aiohttp,
    "pyreqwest": with_pyreqwest,
    "pyreqwest, streamed": with_pyreqwest_streamed,
    "adapters/partners": with_booking_adapter,
}


async def main() -> None:
    """Measure all that is installed and print a table."""
    standing_in = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.demo.partners", "--no-ledger"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    try:
        if standing_in.stdout is None:
            raise RuntimeError("expected a pipe to the stand-ins")
        url = json.loads(await standing_in.stdout.readline())["inventory_url"]
        async with AsyncExitStack() as stack:
            posts: dict[str, Post] = {}
            for name, build in CLIENTS.items():
                try:
                    posts[name] = await build(url, stack)
                except ImportError as missing:
                    sys.stdout.write(f"left out: {name} ({missing.name})\n")
            report(await measured(posts))
    finally:
        standing_in.terminate()
        await standing_in.wait()


async def measured(posts: dict[str, Post]) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall microseconds per call, by client and round; the first round only warms up."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in posts}
    for number in range(ROUNDS + 1):
        for name, post in posts.items():
            cpu, wall = time.process_time(), time.perf_counter()
            await many(post, f"{name}-{number}")
            spent = time.process_time() - cpu, time.perf_counter() - wall
            if number:
                taken[name].append((spent[0] / CALLS * 1e6, spent[1] / CALLS * 1e6))
    return taken


async def many(post: Post, prefix: str) -> None:
    """CALLS calls, CONCURRENT at a time."""
    keys = iter([f"{prefix}-{n}" for n in range(CALLS)])

    async def one_after_another() -> None:
        for key in keys:
            await post(key)

    await asyncio.gather(*(one_after_another() for _ in range(CONCURRENT)))


def report(taken: dict[str, list[tuple[float, float]]]) -> None:
    """Medians over the rounds, and how often the cheapest each is."""
    cpu = {name: statistics.median(c for c, _ in rounds) for name, rounds in taken.items()}
    wall = {name: statistics.median(w for _, w in rounds) for name, rounds in taken.items()}
    cheapest = min(cpu.values())
    sys.stdout.write(f"{'client':24}{'CPU µs/call':>12}{'ratio':>8}{'wall µs/call':>14}\n")
    for name in sorted(cpu, key=lambda name: cpu[name], reverse=True):
        sys.stdout.write(
            f"{name:24}{cpu[name]:12.0f}{cpu[name] / cheapest:8.1f}{wall[name]:14.0f}\n"
        )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
