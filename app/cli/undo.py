"""`booking undo`: what is owed to partners, and have it tried again now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from adapters.database.undo_rows import MadeDue, UndoRow
    from app.operators import OperatorsLog
    from handlers.ports import AuditRows

undo = typer.Typer(no_args_is_help=True, help="What is owed to partners: see it, try it again.")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@undo.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", min=0, metavar="MINUTES", help="Exit code 1 when one is open so long."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what is owed: what and for which booking, since when, how often tried, when again.

    Example: booking undo list --older-than 30
    """
    from datetime import UTC, datetime, timedelta

    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import (
        database_failures,
        read_database_settings,
        read_service_keys,
    )

    settings = read_database_settings()
    with database_failures(settings):
        from adapters.database.undo_rows import list_undo

        rows = run_quietly(list_undo(settings, read_service_keys(), done_too=every))
    _show(rows, json)
    limit = None if older_than is None else datetime.now(UTC) - timedelta(minutes=older_than)
    is_late = limit and any(row.done_at is None and row.created_at < limit for row in rows)
    raise typer.Exit(1 if is_late else 0)


@undo.command()
def retry(
    ids: Annotated[list[UUID] | None, typer.Argument(help="As the list shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that is owed.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="Show what became of it.")
    ] = 0.0,
    json: Json = False,
) -> None:
    """Have the workers try now what would be tried later; exit code 1 when `--wait` ends in vain.

    A row that fails again comes back after its usual pause. Nothing is tried twice at once.

    Example: booking undo retry --all --wait 30
    """
    from datetime import timedelta

    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures, read_operators_log
    from app.failures import Failure, WrongUse

    if every == bool(ids):
        raise WrongUse("expected either ids, as booking undo list shows them, or --all")
    log = read_operators_log()
    with database_failures(log.database):
        rows = run_quietly(_retried(log, ids, timedelta(seconds=wait)))
    if unknown := sorted(set(ids or ()) - {row.id for row in rows}):
        raise Failure("\n".join(f"nothing is owed under {each}" for each in unknown))
    _show(rows, json)
    raise typer.Exit(1 if wait and any(row.done_at is None for row in rows) else 0)


async def _retried(
    log: OperatorsLog, ids: Sequence[UUID] | None, patience: timedelta
) -> Sequence[UndoRow]:
    """The rows after it: once all are done or were tried again, or when patience is over."""
    import asyncio
    from datetime import UTC, datetime

    from adapters.database.undo_rows import find_undo, make_due
    from app.cli.database_access import read_service_keys
    from app.operators import deed
    from handlers.audit import until_linked
    from handlers.ports import Effect

    async def note(audit: AuditRows, due: Sequence[MadeDue]) -> None:
        deeds = [
            deed(
                "undo retry",
                Effect.MADE_DUE,
                message_id=row.id,
                booking_id=row.booking_id,
                venue_id=row.venue_id,
            )
            for row in due
        ]
        await log.auditor.append(audit, deeds)

    keys = read_service_keys()
    settings, begun = log.database, datetime.now(UTC)
    due = sorted(await until_linked(lambda: make_due(settings, ids, begun, note)))
    asked = due if ids is None else ids  # what was done a moment ago is shown as that
    before = {row.id: row.attempt for row in await find_undo(settings, keys, asked)}
    while True:
        rows = await find_undo(settings, keys, asked)
        is_tried = all(row.done_at or row.attempt != before[row.id] for row in rows)
        if is_tried or datetime.now(UTC) - begun >= patience:
            return rows
        await asyncio.sleep(0.25)  # looks again: rows tell nobody that they have changed


def _show(rows: Sequence[UndoRow], json: bool) -> None:
    from rich.console import Console

    from app.cli.printing import say, say_json
    from app.why.account import undo_json
    from app.why.page import undo_lines

    told = [undo_json(row) for row in rows]
    if json:
        say_json({"undo": told})
        return
    console = Console(highlight=False, soft_wrap=True)
    for each in told:
        for line in undo_lines(each):
            console.print(line)
    if not told:
        say("nothing is owed")
