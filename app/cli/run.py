"""`booking run`: the worker."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings


def run() -> None:
    """Run the worker until SIGTERM or Ctrl-C; it finishes what it has in hand and exits with 0.

    Everything is set by BOOKING_* variables or a file .env; docs/settings.md lists them.

    Example: BOOKING_KAFKA__BOOTSTRAP_SERVERS=localhost:9092 … booking run
    """
    from app.settings import load

    settings = load()  # before the worker's own imports: a wrong setting shall be told at once
    from app.failures import Failure
    from app.logs import configure_logs

    configure_logs(settings.log.level, settings.log.format)
    reason = _run(settings)
    if reason is not None:
        raise Failure(f"gave up: {reason}")


def _run(settings: Settings) -> str | None:
    """Why the worker gave up, if it did. Raises Failure when something is to be put right first."""
    from app.cycles import look_for_cycles_among_what_comes
    from app.failures import Failure
    from app.main import CannotStart, run_worker

    look_for_cycles_among_what_comes()
    try:
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            return runner.run(run_worker(settings))
    except CannotStart as error:
        raise Failure(str(error)) from error


def _new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
