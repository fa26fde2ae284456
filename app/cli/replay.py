"""`booking replay`: commands that have no outcome, published once more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from adapters.kafka.settings import KafkaSettings
    from app.replaying import Again, Replayed, Replaying

_SHOWN: Final = 20


def replay(
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="RFC3339", help="Read from then on, by the broker's time."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="RFC3339", help="What was sent before then.")
    ] = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send stored replies and events once more, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, metavar="SECONDS", help="For the outcomes; 0: do not wait."),
    ] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Publish commands once more that the group has passed and that have no outcome.

    They go to their venues' partitions; workers do them, beside everything
    else. What has an outcome is left alone. Refusals are outcomes too; on a
    rebuilt database they are lost, and what was refused would be tried anew:
    name a time with --from. Exit code 1 when one has no outcome after --wait.

    Example: booking replay --from 2026-12-01T02:00:00Z --dry-run
    """
    from adapters.kafka.publishing import OutputRefused
    from adapters.kafka.refusals import CannotPublish
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures
    from app.cli.kafka_access import kafka_failures, require_topics
    from app.cli.printing import say, say_json
    from app.cli.progress import progress
    from app.failures import Failure
    from app.replaying import CannotReplay, Stretch
    from handlers.ports import KeysAway

    stretch = Stretch(_milliseconds(from_, "--from"), _milliseconds(until, "--until"))
    kafka, database, prepared = _replaying(audited=not dry_run)

    async def work() -> Replayed:
        await require_topics(kafka, f"{kafka.topic_prefix}.commands")
        async with prepared as replaying:
            return await replaying.run(
                stretch, is_rehearsal=dry_run, resend=resend, wait_seconds=wait, advance=advance
            )

    try:
        with (
            kafka_failures(kafka),
            database_failures(database),
            progress("records", quiet=json) as advance,
        ):
            done = run_quietly(work())
    except CannotReplay as error:
        raise Failure(str(error)) from error
    except KeysAway as error:
        raise Failure(
            f"the keys of tokens cannot be read (BOOKING_AUTH__JWKS_…): {error}"
        ) from error
    except (OutputRefused, CannotPublish) as error:
        raise Failure(f"Kafka does not take the records: {error}") from error
    if json:
        say_json(_as_json(done, dry_run))
    else:
        say("\n".join(_lines(done, dry_run)))
    raise typer.Exit(1 if done.not_ended else 0)


def _replaying(
    *, audited: bool
) -> tuple[KafkaSettings, DatabaseSettings, AbstractAsyncContextManager[Replaying]]:
    """Where it works, and itself, which asks for the keys of tokens when it is entered."""
    from adapters.tokens.service_signature import ServiceSignature
    from app.cli.printing import warn
    from app.clients import authenticator
    from app.operators import OperatorsLog
    from app.replaying import Replaying
    from app.settings import read
    from app.settings.audit import AuditSection
    from app.settings.auth import AuthSection
    from app.settings.database import DatabaseSection
    from app.settings.kafka import KafkaSection
    from app.settings.service import SealSection, SigningSection
    from app.wiring import service_keys

    needed = (KafkaSection, DatabaseSection, SigningSection, SealSection, AuthSection)
    reading = read(*needed, AuditSection) if audited else read(*needed)
    warn(reading.notices)
    kafka, database = reading[KafkaSection].value, reading[DatabaseSection].value
    signer = ServiceSignature(*reading[SigningSection].signing_keys)
    keys = service_keys(reading[SealSection].seal_keys)
    log = OperatorsLog(database, reading[AuditSection].value) if audited else None

    @asynccontextmanager
    async def prepared() -> AsyncIterator[Replaying]:
        async with authenticator(reading[AuthSection].value) as clients:
            await clients.prepare(())
            yield Replaying(kafka, database, clients, signer, keys, log)

    return kafka, database, prepared()


def _milliseconds(text: str | None, option: str) -> int | None:
    from app.cli.moments import moment

    if (asked := moment(text, option)) is None:
        return None
    return max(0, round(asked.timestamp() * 1000))  # below it, Kafka means other things


def _as_json(done: Replayed, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "records": done.records,
        "seconds": round(done.seconds, 3),
        "verdicts": {str(verdict): count for verdict, count in sorted(done.verdicts.items())},
        "again": [
            {
                "operation": each.operation,
                "command_id": str(each.command_id),
                "from": _place(each),
                "was_started": each.was_started,
                "end": _end(done, each),
            }
            for each in done.again
        ],
        "resent": done.resent,
        "not_ended": done.not_ended,
    }


def _lines(done: Replayed, dry_run: bool) -> list[str]:
    found = ", ".join(f"{count} {verdict}" for verdict, count in sorted(done.verdicts.items()))
    would = "would be published" if dry_run else "published"
    lines = [
        f"records     {done.records} in {done.seconds:.1f} s: {found or 'none'}",
        f"{would:<18} {len(done.again)} commands, {done.resent} stored outputs",
    ]
    for each in done.again[:_SHOWN]:
        started = ", was started" if each.was_started else ""
        end = f": {end}" if (end := _end(done, each)) else ""
        lines.append(f"  {each.operation} {each.command_id} from {_place(each)}{started}{end}")
    if len(done.again) > _SHOWN:
        lines.append(f"  and {len(done.again) - _SHOWN} more")
    if done.not_ended:
        lines.append(f"NOT ENDED   {done.not_ended} have no outcome yet: do workers run?")
    return lines


def _place(each: Again) -> str:
    at = each.origin
    return f"{at.topic}/{at.partition}@{at.offset}"


def _end(done: Replayed, each: Again) -> str | None:
    """None when nobody waited for it."""
    if each.row_id not in done.ends:
        return None
    known = done.ends[each.row_id]
    if known is None or known.outcome is None:
        return "not ended yet"
    return f"{known.outcome.status} {known.outcome.code or ''}".strip()
