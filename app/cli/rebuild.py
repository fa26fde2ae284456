"""`booking rebuild`: an empty database made whole from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.rebuild_processes import Processes
    from app.rebuilding import Report

_READ: Final = ("commands", "events", "guest-keys")
_LOST: Final = (
    "Lost with the database: refusals and their keys, commands that had only started, what"
    " was still owed to partners, and the audit log."
)


def rebuild(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check every event, write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Read the events topic from its beginning and write what it tells into the database.

    Stop all workers first, and run `booking migrate` on a new database. No partner is called and
    nothing is published. What was interrupted goes on where it was. Exit code 1 when events are
    missing or cannot be read.

    Example: BOOKING_DATABASE__URL=… BOOKING_SEAL__KEYS=… booking rebuild --dry-run
    """
    from adapters.database.sqlite_lock import DatabaseInUse
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import told
    from app.cli.kafka_access import kafka_failures, require_topics
    from app.cli.printing import say, say_json, warn
    from app.cli.progress import progress
    from app.failures import Failure
    from app.rebuild_part import Plan
    from app.rebuild_processes import PartDied, forked, number_for
    from app.rebuilding import CannotRebuild, rebuild_database
    from app.settings import read
    from app.settings.audit import AuditSection
    from app.settings.database import DatabaseSection
    from app.settings.kafka import KafkaSection
    from app.settings.rules import RulesSection
    from app.settings.service import SealSection
    from domain.rules import Fallback
    from handlers.ports import CannotOpen, DatabaseAway

    needed = (KafkaSection, DatabaseSection, SealSection, RulesSection)
    reading = read(*needed) if dry_run else read(*needed, AuditSection)
    warn(reading.notices)
    kafka = reading[KafkaSection].value

    plan = Plan(
        kafka,
        reading[DatabaseSection].value,
        reading[RulesSection].value(Fallback(is_allowed=False)),  # nothing is priced here
        reading[SealSection].seal_keys,
        is_rehearsal=dry_run,
    )
    audit_keys = None if dry_run else reading[AuditSection].value

    async def work(processes: Processes, advance: Callable[[int, int], None]) -> Report:
        await require_topics(kafka, *(f"{kafka.topic_prefix}.{each}" for each in _READ))
        return await rebuild_database(plan, processes, audit_keys=audit_keys, advance=advance)

    try:
        with (
            forked(number_for(plan)) as processes,
            kafka_failures(kafka),
            progress("events", quiet=json) as advance,
        ):
            report = run_quietly(work(processes, advance))
    except (CannotRebuild, DatabaseInUse, PartDied) as error:
        raise Failure(str(error)) from error
    except CannotOpen as error:
        raise Failure(f"BOOKING_SEAL__KEYS: {error}") from error
    except DatabaseAway as error:
        raise told(error) from error
    if json:
        say_json(report.as_json())
    else:
        say("\n".join(_lines(report)))
    if not report.is_whole:
        raise typer.Exit(1)


def _lines(report: Report) -> list[str]:
    from app.cli.printing import field

    lines = [f"events      {report.events} in {report.seconds:.1f} s"]
    if report.erased:
        lines.append(f"erased      {report.erased} versions of guests whose keys are gone")
    if (whole := report.whole) is None:
        lines.append(f"versions    {report.versions} could be rebuilt; nothing was written")
    else:
        by_status = ", ".join(f"{n} {status}" for status, n in sorted(whole.bookings.items()))
        lines += [
            f"bookings    {sum(whole.bookings.values())}: {by_status or 'none'}",
            f"commands    {whole.commands}, with {whole.keys} idempotency keys",
            f"digest      {whole.digest}",
            *(f"GAP         booking {g.booking_id}: {g.found} of {g.version}" for g in whole.gaps),
            *(f"OVERLAP     booking {id_} has no claim on its slot" for id_ in whole.overlapping),
            *(
                f"unsettled   {each.reference} is {each.status} and {each.kept} were kept:"
                " a refund may be owed"
                for each in whole.unsettled
            ),
        ]
    lines += [f"UNUSABLE    {u.partition}:{u.offset}: {field(u.why)}" for u in report.unusable[:20]]
    if len(report.unusable) > 20:
        lines.append(f"            and {len(report.unusable) - 20} more")
    return [
        *lines,
        _LOST,
    ]
