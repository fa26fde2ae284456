"""The demo from start to end: set the stage, have the day performed, take everything down.

Little is imported before the servers start: what takes long is loaded meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console

from app.demo.stage import DatabaseName, set_stage
from app.demo.starting import Starting
from app.demo.telling import Telling
from app.failures import Failure
from app.local_servers import ServerUnavailable
from handlers.ports import DatabaseAway

if TYPE_CHECKING:
    from app.demo.script import Scene

_INTERRUPTED, _TERMINATED = 130, 143


def run_demo(
    *,
    keep: bool,
    database: DatabaseName,
    json: bool = False,
    trace: bool = False,
    story: Sequence[Scene] | None = None,
) -> int:
    """The exit code: 0 when every scene ended as the story says. Raises Failure.

    With `trace` the worker's spans are collected, and those of one create are printed at the end.
    With `keep` everything runs on until Ctrl-C. With `json` the outcome is one JSON object on
    stdout, and what a person reads goes to stderr.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what goes wrong is told in one line
    console = Console(stderr=json, highlight=False)
    starting = Starting(console)
    try:
        return asyncio.run(
            _demo(console, starting, database, story, keep=keep, json=json, trace=trace)
        )
    except KeyboardInterrupt:
        return _INTERRUPTED
    except asyncio.CancelledError:
        return _TERMINATED
    except (ServerUnavailable, DatabaseAway) as failure:
        raise Failure(f"the demo cannot go on: {failure}") from failure
    finally:
        starting.over()


async def _demo(
    console: Console,
    starting: Starting,
    database: DatabaseName,
    story: Sequence[Scene] | None,
    *,
    keep: bool,
    json: bool,
    trace: bool,
) -> int:
    _end_in_good_order_on(signal.SIGTERM)
    starting.opening()
    began = monotonic()
    async with set_stage(database, starting.progress, trace=trace) as stage:
        starting.over()
        from app.demo.performance import perform

        telling = Telling(console)
        ready_seconds = monotonic() - began
        code = await perform(stage, story, telling, ready_seconds, keep=keep, json=json)
        telling.remark("stopping")
    return code


def _end_in_good_order_on(number: signal.Signals) -> None:
    """As Ctrl-C does: cancel, so that everything is taken down."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
