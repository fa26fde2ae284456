"""`python -m tests.canary`: exit 0 only when no mark was found."""

from __future__ import annotations

import asyncio
import logging
import sys

from rich.console import Console

from tests.canary.run import run


def main() -> int:
    """What was found, a line each; progress on stderr."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # Kafka is killed, we know
    report = asyncio.run(run(Console(stderr=True).print))
    console = Console(soft_wrap=True)
    for each in report.found:
        console.print(f"FOUND {each.mark} in {each.where}")
    for line in report.readable:
        console.print(f"READABLE of an erased guest: {line}")
    megabytes = report.searched_bytes / 1e6
    console.print(
        f"{report.marks} marks searched for in {megabytes:.0f} MB: {len(report.found)} found,"
        f" {len(report.readable)} readable of an erased guest"
    )
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
