"""`booking run`: the worker."""

from __future__ import annotations

import asyncio
import sys


def run() -> None:
    """Run the worker until SIGTERM or Ctrl-C; it finishes what it has in hand and exits with 0.

    Everything is set by BOOKING_* variables or a file .env; docs/settings.md lists them.

    Example: BOOKING_KAFKA__BOOTSTRAP_SERVERS=localhost:9092 … booking run
    """
    from app.settings import load

    settings = load()
    from app.failures import Failure
    from app.logs import configure_logs
    from app.main import CannotStart, run_worker

    configure_logs(settings.log.level, settings.log.format)
    try:
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            reason = runner.run(run_worker(settings))
    except CannotStart as error:
        raise Failure(str(error)) from error
    if reason is not None:
        raise Failure(f"gave up: {reason}")


def _new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
