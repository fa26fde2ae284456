"""The stand-ins as a process of their own: prints one JSON line with their addresses, serves."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys

import orjson

from app.demo.partners.running import partners


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m app.demo.partners", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    for name in ("inventory", "pricing", "payment"):
        parser.add_argument(f"--{name}-port", type=int, default=0, metavar="N")
    parser.add_argument("--no-ledger", action="store_true", help="for long benchmarks")
    asked = parser.parse_args()
    gc.set_threshold(100_000)  # what a bench makes stays, without cycles: looking costs a third
    with asyncio.Runner(loop_factory=_fastest_loop) as runner:
        runner.run(_serve(asked))


async def _serve(asked: argparse.Namespace) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    async with partners(
        host=asked.host,
        inventory_port=asked.inventory_port,
        pricing_port=asked.pricing_port,
        payment_port=asked.payment_port,
        keep_ledger=not asked.no_ledger,
    ) as running:
        sys.stdout.write(orjson.dumps(running.urls()).decode() + "\n")
        sys.stdout.flush()
        await told_to_stop.wait()


def _fastest_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ModuleNotFoundError:  # not built for every platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if __name__ == "__main__":
    main()
