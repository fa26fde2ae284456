"""`booking health`: is the worker alive, and ready?"""

from __future__ import annotations

from typing import Annotated

import typer


def health(
    live: Annotated[
        bool, typer.Option("--live", help="Ask only whether it is alive; waiting counts as well.")
    ] = False,
    ready: Annotated[
        bool,
        typer.Option("--ready", help="Ask whether it has all that it needs; so it does without."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask whether the worker is well, by the file it rewrites; exit code 1 when it is not.

    Example: BOOKING_HEALTH__FILE=/run/booking/health booking health
    """
    from datetime import UTC, datetime

    from app.cli.printing import say, say_json
    from app.failures import Failure, WrongUse
    from app.health_file import last_beat
    from app.settings import read
    from app.settings.service import HealthSection

    if live and ready:
        raise WrongUse("expected --live or --ready, not both")
    path = read(HealthSection)[HealthSection].file
    if path is None:
        raise WrongUse(
            "BOOKING_HEALTH__FILE is missing: expected the file that the worker rewrites"
        )
    now = datetime.now(UTC)
    beat = last_beat(path)
    alive = beat is not None and beat.is_fresh(now)
    is_ready = beat is not None and alive and beat.condition.ready
    reason = None
    if beat is None:
        reason = f"no worker writes {path}"
    elif not alive:
        reason = f"the last beat is {(now - beat.at).total_seconds():.0f} s old"
    elif not is_ready:
        reason = beat.condition.reason
    well = alive if live else is_ready
    if json:
        say_json({"alive": alive, "ready": is_ready, "reason": reason})
        raise typer.Exit(0 if well else 1)
    state = "ready" if is_ready else "alive, not ready" if alive else "not alive"
    words = state if reason is None else f"{state}: {reason}"
    if not well:
        raise Failure(words)
    say(words)
