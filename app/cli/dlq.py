"""`booking dlq`: the dead letters; see them, and put them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from app.redriving import DeadLetterBox, Redriven, Told
    from handlers.redrive import Letter

dlq = typer.Typer(no_args_is_help=True, help="The dead letters: see them, put them back.")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@dlq.command("list")
def list_(
    reason: Annotated[
        str | None, typer.Option(help="Only these: poison, bug, unreadable, reply_refused.")
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what can be put back.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", min=0, metavar="MINUTES", help="Exit code 1 when one is open so long."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show the dead letters, oldest first: where each lies, why, and whether it can be put back.

    Example: booking dlq list --open --older-than 15
    """
    import time

    from app.cli.printing import say, say_json
    from handlers.redrive import State

    closed = (State.PUT_BACK, State.FINAL)

    async def work(box: DeadLetterBox, advance: Callable[[int, int], None]) -> Sequence[Told]:
        letters = await box.letters(advance)
        asked = [each for each in letters if reason in (None, each.about.get("reason"))]
        return await box.told(asked)

    told = [
        each
        for each in _with_box(work, quiet=json)
        if not open_only or each.standing.state not in closed
    ]
    if json:
        say_json({"letters": [_letter_json(each) for each in told]})
    else:
        say("\n".join(map(_line, told)) or "no dead letters")
    limit = None if older_than is None else (time.time() - older_than * 60) * 1000
    is_late = limit is not None and any(
        each.standing.state not in closed and each.letter.record.timestamp_ms < limit
        for each in told
    )
    raise typer.Exit(1 if is_late else 0)


@dlq.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    personal: Annotated[
        bool, typer.Option("--personal", help="With the value, which holds personal data.")
    ] = False,
    json: Json = False,
) -> None:
    """Show one dead letter: its headers, who stands behind it, and with --personal its value.

    Example: booking dlq show 3/17 --personal
    """
    from app.cli.printing import field, say, say_json
    from handlers.ports import Effect

    async def work(box: DeadLetterBox, advance: Callable[[int, int], None]) -> Sequence[Told]:
        found = await box.told(_named(await box.letters(advance), [id_]))
        if personal:
            await box.note("dlq show", Effect.CLIENTS_RECORD, found)
        return found

    (told,) = _with_box(work, quiet=json, audited=personal)
    shown = _letter_json(told) | {"record": _record_json(told.letter, personal=personal)}
    if json:
        say_json(shown)
        return
    say(_line(told))
    for name, value in shown["record"]["headers"].items():
        say(f"  {field(name)}: {field(value)}")
    say(f"  value: {field(shown['record']['value']) if personal else 'with --personal'}")


@dlq.command()
def redrive(
    ids: Annotated[list[str] | None, typer.Argument(help="As the list shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that can be put back.")] = False,
    over_later: Annotated[
        bool,
        typer.Option("--over-later", help="Also what later ones on its booking have overtaken."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, metavar="SECONDS", help="For undo, and then for the ends."),
    ] = 60.0,
    json: Json = False,
) -> None:
    """Put commands back into their venues' partitions, in the order in which they were sent.

    Each is judged as of the moment when its client sent it, under who stood
    behind it then, once what its failed run had begun is given back. Workers
    do the work; exit code 1 when something was left out or failed again.

    Example: booking dlq redrive --all --dry-run
    """
    from app.cli.printing import say, say_json
    from app.failures import WrongUse

    if every == bool(ids):
        raise WrongUse("expected either ids, as booking dlq list shows them, or --all")

    async def work(box: DeadLetterBox, advance: Callable[[int, int], None]) -> Redriven:
        letters = await box.letters(advance)
        return await box.redrive(
            letters if ids is None else _named(letters, ids),
            over_later=over_later,
            is_rehearsal=dry_run,
            wait_seconds=wait,
        )

    redriven = _with_box(work, quiet=json, audited=not dry_run)
    if json:
        say_json(_redriven_json(redriven, dry_run))
    else:
        say("\n".join(_redriven_lines(redriven, dry_run)))
    never = [] if ids is None else _closed(redriven)
    raise typer.Exit(0 if redriven.is_done and not never else 1)


def _with_box(
    work: Callable[..., Coroutine[Any, Any, Any]], *, quiet: bool, audited: bool = False
) -> Any:
    """What the work gives, with the settings that it needs and its failures in a line each."""
    from adapters.kafka.publishing import OutputRefused
    from adapters.kafka.refusals import CannotPublish
    from adapters.tokens.service_signature import ServiceSignature
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures
    from app.cli.kafka_access import kafka_failures, require_topics
    from app.cli.printing import warn
    from app.cli.progress import progress
    from app.failures import Failure
    from app.operators import OperatorsLog
    from app.redriving import DeadLetterBox
    from app.settings import read
    from app.settings.audit import AuditSection
    from app.settings.database import DatabaseSection
    from app.settings.kafka import KafkaSection
    from app.settings.service import SealSection, SigningSection
    from app.wiring import service_keys

    needed = (KafkaSection, DatabaseSection, SigningSection, SealSection)
    reading = read(*needed, AuditSection) if audited else read(*needed)
    warn(reading.notices)
    kafka, database = reading[KafkaSection].value, reading[DatabaseSection].value
    log = OperatorsLog(database, reading[AuditSection].value) if audited else None
    box = DeadLetterBox(
        kafka,
        database,
        ServiceSignature(*reading[SigningSection].signing_keys),
        service_keys(reading[SealSection].seal_keys),
        log,
    )

    async def asked(advance: Callable[[int, int], None]) -> Any:
        await require_topics(
            kafka, f"{kafka.topic_prefix}.dead-letter", f"{kafka.topic_prefix}.commands"
        )
        return await work(box, advance)

    try:
        with (
            kafka_failures(kafka),
            database_failures(database),
            progress("dead letters", quiet=quiet) as advance,
        ):
            return run_quietly(asked(advance))
    except (OutputRefused, CannotPublish) as error:
        raise Failure(f"Kafka does not take the records: {error}") from error


def _named(letters: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    from app.failures import Failure

    known = {letter.id: letter for letter in letters}
    if unknown := [each for each in ids if each not in known]:
        raise Failure("\n".join(f"there is no dead letter {each}" for each in unknown))
    return [known[each] for each in dict.fromkeys(ids)]


def _closed(redriven: Redriven) -> list[Told]:
    """Those that were asked for and can never go, or have gone before."""
    from handlers.redrive import State

    return [t for t in redriven.told if t.standing.state in (State.PUT_BACK, State.FINAL)]


def _line(told: Told) -> str:
    from app.cli.printing import field, shown

    letter, standing = told.letter, told.standing
    at = shown(letter.about)
    failed, why = at.get("failed_at", "")[:19], standing.why and f": {field(standing.why)}"
    about = " ".join(each for each in _about(letter) if each)
    first = f"{letter.id:<8} {failed:<19}  {at.get('reason')}  {about}"
    return f"{first}\n         {standing.state}{why}"


def _about(letter: Letter) -> tuple[str, str]:
    from app.cli.printing import shown
    from schemas.envelope import RawCommand

    command = letter.command
    known = f"{command.type} {command.command_id}" if isinstance(command, RawCommand) else ""
    at = shown(letter.about)
    place = f"{at.get('source_partition')}@{at.get('source_offset')}"
    return known, f"from {at.get('source_topic')}/{place}: {at.get('detail')}"


def _letter_json(told: Told) -> dict[str, Any]:
    from schemas.envelope import RawCommand

    letter = told.letter
    command = letter.command if isinstance(letter.command, RawCommand) else None
    return {
        "id": letter.id,
        **letter.about,
        "by": letter.signed.principal.label if letter.signed else None,
        "run": letter.signed.run if letter.signed else None,
        "operation": command.type if command else None,
        "command_id": str(command.command_id) if command else None,
        "booking_id": str(letter.booking_id) if letter.booking_id else None,
        "venue_id": str(told.venue_id) if told.venue_id else None,
        "state": told.standing.state,
        "why": told.standing.why,
    }


def _record_json(letter: Letter, *, personal: bool) -> dict[str, Any]:
    from app.cli.records import as_json

    shown = as_json(letter.record)
    if letter.unopened is not None:
        return shown | {"value": f"({letter.unopened})"}
    return shown if personal else shown | {"value": None}


def _redriven_json(redriven: Redriven, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "letters": [_letter_json(each) for each in redriven.told],
        "put_back": [each.id for each in redriven.going],
        "held": dict(redriven.held),
        "ends": {id_: _end(redriven, id_) for id_ in redriven.ends},
        "is_done": redriven.is_done,
    }


def _redriven_lines(redriven: Redriven, dry_run: bool) -> list[str]:
    by_id = {each.letter.id: each for each in redriven.told}
    lines = []
    for letter in redriven.going:
        known, _ = _about(letter)
        end = "would be put back" if dry_run else f"put back: {_end(redriven, letter.id)}"
        why = by_id[letter.id].standing.why
        lines.append(f"{letter.id:<8} {known}  {end}{f'; it {why}' if why else ''}")
    lines += [f"{id_:<8} LEFT OUT  {why}" for id_, why in redriven.held.items()]
    lines += [
        f"{each.letter.id:<8} nothing to do  {each.standing.state}: {each.standing.why}"
        for each in _closed(redriven)
    ]
    return lines or ["no dead letters"]


def _end(redriven: Redriven, id_: str) -> str:
    known = redriven.ends.get(id_)
    if known is None or known.outcome is None:
        return "not ended yet"
    outcome = known.outcome
    return f"{outcome.status} {outcome.code}" if outcome.code else str(outcome.status)
