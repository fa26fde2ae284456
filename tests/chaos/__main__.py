"""`python -m tests.chaos --seed 1 --seconds 120`: exit 0 only when no rule was broken."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from rich.console import Console

from tests.chaos.report import json_line, show
from tests.chaos.run import run


def main() -> int:
    """Run one seed; the report and, as the last line, JSON on stdout; progress on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # Kafka will be killed, we know
    waiting = Console(stderr=True)
    outcome = asyncio.run(run(asked.seed, asked.seconds, waiting.print))
    console = Console()
    show(outcome, console)
    sys.stdout.write(json_line(outcome) + "\n")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
