"""`booking …` as an operator runs it, against a house."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service.house import House
from tests.service.waiting import PATIENCE_SECONDS
from tests.service.worker import BOOKING, REPOSITORY, environment


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def booking(house: House, *arguments: str, settings: Mapping[str, str] | None = None) -> Ran:
    """Run it with the house's settings, some of them changed."""
    return await booking_with({**house.settings, **(settings or {})}, *arguments)


async def booking_with(settings: Mapping[str, str], *arguments: str) -> Ran:
    """Run it with these settings and no other."""
    return await ran(*BOOKING, *arguments, env=environment(settings))


async def ran(
    *command: str,
    env: Mapping[str, str],
    cwd: Path = REPOSITORY,
    within_seconds: float = PATIENCE_SECONDS,
) -> Ran:
    """Any program, to its end; killed when it does not come to one in time."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within_seconds)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
