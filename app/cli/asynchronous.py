"""Running a command's coroutine, with an interrupt as a quiet end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

T = TypeVar("T")


def run_quietly(work: Coroutine[Any, Any, T], *, interrupted: int = 1) -> T:
    """The coroutine's result. Ctrl-C exits with `interrupted`; client libraries are mute.

    What goes wrong is told by the command itself, in one line.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(interrupted) from None
