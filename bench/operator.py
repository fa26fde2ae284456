"""`booking …` as an operator runs it, and what it printed as JSON."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

import orjson

_COMMAND = "from app.cli import main; import sys; main(sys.argv[1:])"


async def booking(environment: Mapping[str, str], *arguments: str) -> Any:
    """Its JSON. An exit code of 1 also tells of what has not ended yet, so only JSON counts."""
    return await _printed(environment, "-c", _COMMAND, *arguments, "--json")


async def module(environment: Mapping[str, str], name: str) -> Any:
    """A module of the benchmark under a worker's settings; what it printed."""
    return await _printed(environment, "-m", name)


async def _printed(environment: Mapping[str, str], *arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    printed, told = await process.communicate()
    try:
        return orjson.loads(printed)
    except orjson.JSONDecodeError as error:
        raise RuntimeError(f"{arguments}: {told.decode()[-2000:]}") from error
