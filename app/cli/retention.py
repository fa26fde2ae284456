"""`booking retention`: what grows, how large it is, and whether partitions are there in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.database.growth import Grown

_TOO_NEAR: Final = timedelta(days=31)  # half of what workers make ahead


def retention(
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what grows: partitions of outcomes, tables, their rows and sizes.

    Exit code 1 when the partitions end within a month, or rows lie outside of them: then no worker
    makes any, or none may.

    Example: booking retention --json
    """
    from adapters.database.growth import grown
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures, read_database_settings
    from app.cli.printing import say, say_json

    settings = read_database_settings()
    with database_failures(settings):
        found = run_quietly(grown(settings))
    wrong = _wrong(found, datetime.now(UTC))
    if json:
        say_json({"tables": [_as_json(each) for each in found], "wrong": wrong})
    else:
        say("\n".join([*map(_line, found), *(f"WRONG       {each}" for each in wrong)]))
    raise typer.Exit(1 if wrong else 0)


def _wrong(found: Sequence[Grown], now: datetime) -> list[str]:
    from adapters.database.retention import OUTSIDE

    wrong = [
        f"about {each.rows} rows lie outside of all partitions"
        for each in found
        if each.name == OUTSIDE and each.rows > 0
    ]
    ends = [each.until for each in found if each.until is not None]
    if ends and max(ends) < now + _TOO_NEAR:
        wrong.append(f"the last partition ends at {max(ends).isoformat()}: does a worker run?")
    return wrong


def _line(each: Grown) -> str:
    size = "" if each.bytes is None else f"{each.bytes / 1e6:12.1f} MB"
    return f"{each.name:<22}{each.rows:>12} rows{size}"


def _as_json(each: Grown) -> dict[str, Any]:
    return {
        "name": each.name,
        "rows": each.rows,
        "bytes": each.bytes,
        "since": each.since and each.since.isoformat(),
        "until": each.until and each.until.isoformat(),
    }
