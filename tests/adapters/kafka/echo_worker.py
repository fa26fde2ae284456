"""A worker as a process, so that a test can freeze it: `python -m … BOOTSTRAP PREFIX`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from handlers.ports import Held, Record
from tests.adapters.kafka.workers import Echo, quick, working


async def work(bootstrap: str, prefix: str) -> None:
    """Echo until the process is killed; each batch takes a moment and says so on stdout."""
    settings = quick(bootstrap, prefix)

    async def say(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        os.write(1, b"batch\n")
        await asyncio.sleep(0.2)

    async with working(settings, Echo(f"{prefix}.events", before=say)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
