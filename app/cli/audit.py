"""`booking audit`: who did what, and whether the log is what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from app.auditing import Verified
    from handlers.audit_chain import Anchor, ChainKeys

audit = typer.Typer(no_args_is_help=True, help="Who did what, and who has seen it.")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
_ROLES: Final = ("guest", "business", "admin", "operator")


@audit.command()
def verify(
    expect: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Heads that were kept, as --json gave them; repeatable."),
    ] = None,
    pruned: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Heads before which the owner has removed entries."),
    ] = None,
    json: Json = False,
) -> None:
    """Read the whole log and see whether each entry is what was written, where it was written.

    Ends with the chains' heads: keep them elsewhere, and a tail that is cut off is found too. Exit
    code 1 when an entry was changed, taken out or put in, or does not meet what is expected.

    Example: booking audit verify --json > heads.json
    """
    from app.auditing import verified
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures
    from app.cli.printing import escaped, say, say_json
    from app.cli.progress import progress

    anchors = [anchor for file in expect or () for anchor in _anchors(file)]
    kept = [anchor for file in pruned or () for anchor in _anchors(file)]
    database, keys = _settings()
    with database_failures(database), progress("entries", quiet=json) as advance:
        found = run_quietly(verified(database, keys, anchors, kept, advance))
    if json:
        say_json(found.as_json())
    else:
        say("\n".join(escaped(line) for line in _lines(found)))
    raise typer.Exit(0 if found.is_whole else 1)


@audit.command()
def show(
    booking: Annotated[
        str | None, typer.Option(metavar="REF", help="About this booking; its id will do, too.")
    ] = None,
    principal: Annotated[
        str | None, typer.Option(metavar="SUB", help="By this one: a subject, or role:subject.")
    ] = None,
    guest: Annotated[
        str | None, typer.Option(metavar="ID", help="About this guest's bookings.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="RFC3339", help="From then on, by the database's time.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="RFC3339", help="Before then.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    json: Json = False,
) -> None:
    """Show entries in the order in which they were written; with --json one object a line.

    Lists that a booking was shown in are among what is about it.

    Example: booking audit show --booking BR-20261201-ABCDEF --since 2026-12-01T00:00:00Z
    """
    from dataclasses import replace

    from adapters.database.audit_reads import Wanted, open_audit_reads
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures, read_database_settings
    from app.cli.moments import moment
    from app.cli.printing import escaped, remark, say, say_json
    from app.failures import Failure

    role, subject = _who(principal)
    wanted = Wanted(
        role=role,
        subject=subject,
        guest_id=_guest(guest),
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        refused=refused,
    )
    settings = read_database_settings()

    async def work() -> int:
        count = 0
        async with open_audit_reads(settings) as reads:
            about = await reads.booking_named(booking) if booking else None
            if booking and about is None:
                raise Failure(f"nothing is known of {booking}")
            async for row in reads.found(replace(wanted, booking_id=about)):
                count += 1
                if json:
                    say_json(row)
                else:
                    say("\n".join(escaped(line) for line in _entry(row)))
        return count

    with database_failures(settings):
        if not run_quietly(work()):
            remark("no entries")


@audit.command()
def cut(
    older_than: Annotated[
        int, typer.Option("--older-than", min=1, metavar="DAYS", help="By the database's time.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove the oldest entries for ever, and sign where each chain was cut.

    Only the owner of the tables can. The whole log is verified first; afterwards
    `booking audit verify` takes chains for whole that begin where they were cut.
    Keep the heads elsewhere before (booking audit verify --json).

    Example: booking audit cut --older-than 1095 --dry-run
    """
    from datetime import UTC, datetime, timedelta

    from app.auditing import CannotCut
    from app.auditing import cut as cut_chains
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures, read_operators_log
    from app.cli.printing import escaped, say, say_json
    from app.cli.progress import progress
    from app.failures import Failure

    log, before = read_operators_log(), datetime.now(UTC) - timedelta(days=older_than)
    with database_failures(log.database), progress("entries", quiet=json) as advance:
        try:
            kept = run_quietly(cut_chains(log, before, is_rehearsal=dry_run, advance=advance))
        except CannotCut as error:
            raise Failure(str(error)) from error
    if json:
        say_json({"first_kept": kept})
        return
    verb = "would begin" if dry_run else "begins now"
    lines = [f"{chain} {verb} with #{sequence}" for chain, sequence in kept.items()]
    say("\n".join(escaped(each) for each in lines or ["nothing is as old as that"]))


def _settings() -> tuple[DatabaseSettings, ChainKeys]:
    from app.cli.database_access import read_operators_log

    log = read_operators_log()
    return log.database, log.keys


def _anchors(file: Path) -> list[Anchor]:
    from app.auditing import anchors_of
    from app.failures import WrongUse

    try:
        return anchors_of(file.read_bytes())
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file}: expected what booking audit verify --json printed") from error


def _who(principal: str | None) -> tuple[str | None, str | None]:
    role, colon, subject = (principal or "").partition(":")
    return (role, subject) if colon and role in _ROLES else (None, principal)


def _guest(text: str | None) -> Any:
    from uuid import UUID

    from app.failures import WrongUse

    try:
        return None if text is None else UUID(text)
    except ValueError as error:
        raise WrongUse("--guest: expected a guest's id") from error


def _lines(found: Verified) -> list[str]:
    count = len(found.breaks)
    end = "whole" if found.is_whole else f"{count}{' or more' * found.gave_up} broken"
    return [
        *(f"BROKEN      {each}" for each in found.breaks),
        *(f"head        {chain} #{h.sequence} {h.hash}" for chain, h in found.heads.items()),
        f"entries     {found.entries} in {len(found.heads)} chains, {found.seconds:.1f} s: {end}",
    ]


def _entry(row: Any) -> list[str]:
    at = str(row["at"])[:23].replace("T", " ")
    who = row["role"] if row["role"] == row["subject"] else f"{row['role']}:{row['subject']}"
    about = row["code"] or row["effect"] or ""
    first = [f"{at}Z", row["outcome"], who, row["operation"], about, row["booking_reference"]]
    names = ("kind", "message_id", "booking_id", "guest_id", "venue_id", "version", "shown")
    rest = [f"{name.removesuffix('_id')} {row[name]}" for name in names if row[name] is not None]
    if row["topic"] is not None:
        rest.insert(1, f"{row['topic']}/{row['partition']}@{row['log_offset']}")
    return [
        "  ".join(str(each) for each in first if each),
        f"    {'  '.join(rest)}  ({row['chain']} #{row['sequence']})",
    ]
