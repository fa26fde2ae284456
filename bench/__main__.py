"""Creates per second and worker CPU per create, beside the floor: `make bench`.

Real Kafka and PostgreSQL, the stand-in partners and the real worker, all on this machine. Floor and
worker take turns, so that a noisy machine is noisy for both.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from app.local_servers import ServerUnavailable, local_servers
from bench.figures import Figures, figures
from bench.load import creates
from bench.processes import partners_running
from bench.recording import recorded
from bench.replies import NoReplies
from bench.report import print_report, remark
from bench.rounds import Measured, floor_round, latencies, worker_round
from bench.stage import SECRET, set_up, tear_down


def main() -> int:
    """Gives the exit code: 1 when a reply is missing, too many or not a 201."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of floor and worker each")
    parser.add_argument("--creates", type=int, default=4000, help="in a round")
    parser.add_argument("--lone", type=int, default=200, help="creates sent one after another")
    parser.add_argument(
        "--delivery",
        choices=("exactly_once", "at_least_once"),
        default="exactly_once",
        help="of the worker; the floor stays what it is",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    try:
        found = asyncio.run(_bench(asked.rounds, asked.creates, asked.lone, asked.delivery))
    except (NoReplies, ServerUnavailable) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    print_report(found)
    if asked.json:
        asked.json.write_bytes(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2))
    return 1 if found.wrong else 0


async def _bench(rounds: int, count: int, lone: int, delivery: str) -> Figures:
    floors: list[Measured] = []
    workers: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as place:
        directory = Path(place)
        servers_running = local_servers(remark)
        servers = await asyncio.to_thread(servers_running.__enter__)
        try:
            async with partners_running() as partner_urls:
                stage = await set_up(servers, partner_urls, "recording", directory)
                patterns = await recorded(creates(2, SECRET), stage.environment)
                await tear_down(servers, stage)
                for number in range(1, rounds + 1):
                    stage = await set_up(servers, partner_urls, f"floor-{number}", directory)
                    floors.append(await floor_round(stage, count, patterns))
                    _say(number, "floor", floors)
                    await tear_down(servers, stage)
                    stage = await set_up(servers, partner_urls, f"worker-{number}", directory)
                    workers.append(await worker_round(replace(stage, delivery=delivery), count))
                    _say(number, "worker", workers)
                    await tear_down(servers, stage)
                stage = await set_up(servers, partner_urls, "lone", directory)
                waits = await latencies(replace(stage, delivery=delivery), lone)
        finally:
            await asyncio.to_thread(servers_running.__exit__, None, None, None)
    return figures(count, floors, workers, waits)


def _say(number: int, who: str, measured: Sequence[Measured]) -> None:
    span = measured[-1].span
    remark(
        f"round {number}, {who}: {span.per_second:.0f} creates/s,"
        f" {span.cpu_ms_each:.2f} ms of CPU each"
    )


if __name__ == "__main__":
    sys.exit(main())
