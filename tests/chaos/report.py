"""The report: for people as text, a table where there is a terminal; for programs one JSON line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.chaos.run import Outcome

_NOTE = (
    "The seed decides what is sent and which faults come when; how they meet is up to the machine,"
    " so a second run of a seed is alike and not the same."
)


def show(outcome: Outcome, console: Console) -> None:
    """All of it; the violations last, where they are seen."""
    console.print(_table(f"Chaos, seed {outcome.seed}, {outcome.seconds:g} s", _facts(outcome)))
    console.print(_timeline(outcome))
    console.print(_NOTE, style="dim")
    for violation in outcome.violations:
        console.print(Text(f"VIOLATION {violation.rule}", style="bold red"))
        console.print(Text(f"  {violation.detail}"))
    count = len(outcome.violations)
    if outcome.kept is not None:
        console.print(
            f"Logs, tables, ledgers and topics are kept in {outcome.kept}", soft_wrap=True
        )
    verdict = f"{count} violations, {_faults(outcome)} faults"
    console.print(Text(verdict, style="bold red" if count else "bold green"))


def json_line(outcome: Outcome) -> str:
    """One object; `ok` is the verdict."""
    told = outcome.figures
    figures = {
        name: value for name, value in dataclasses.asdict(told).items() if name != "waited_ms"
    }
    return json.dumps(
        {
            "ok": not outcome.violations,
            "seed": outcome.seed,
            "seconds": outcome.seconds,
            "faults_total": _faults(outcome),
            **figures,
            "reply_ms": {
                "p50": told.waited_ms_at(0.5),
                "p95": told.waited_ms_at(0.95),
                "max": told.waited_ms_at(1.0),
            },
            "worker_ends": outcome.ends,
            "healing_seconds": round(outcome.healing.seconds, 1),
            "waited_for": outcome.healing.waits,
            "second_reading_seconds": (
                round(outcome.setback.seconds, 1) if outcome.setback else None
            ),
            "violations": [dataclasses.asdict(violation) for violation in outcome.violations],
            "kept": str(outcome.kept) if outcome.kept else None,
        }
    )


def _facts(outcome: Outcome) -> Mapping[str, str]:
    told = outcome.figures
    return {
        "records sent": f"{told.commands} commands, {told.queries} queries",
        "what they were": _listed(told.labels),
        "replies": _listed(told.outcomes),
        "of them replayed": str(told.replayed),
        "commands lost / answered twice": f"{told.lost} / {told.doubled}",
        "dead letters": _listed(told.dead_letters),
        "bookings": _listed(told.bookings),
        "events": str(told.events),
        "forwarded and the service's own": str(told.forwarded),
        "faults": _listed(told.faults),
        "faults that met nobody": str(told.missed_faults),
        "workers ended": _listed(outcome.ends),
        "lanes opened": str(told.lanes_opened),
        "partner calls": _listed(told.partner_calls),
        "of them with an effect": str(told.partner_effects),
        "from record to reply, ms": (
            f"half within {told.waited_ms_at(0.5)}, 95 % within {told.waited_ms_at(0.95)},"
            f" all within {told.waited_ms_at(1.0)}"
        ),
        "healed after": f"{outcome.healing.seconds:.1f} s",
        "seen last, seconds into healing": _listed(outcome.healing.waits),
        "read again from the beginning in": (
            f"{outcome.setback.seconds:.1f} s" if outcome.setback else "not tried: it did not heal"
        ),
    }


def _timeline(outcome: Outcome) -> Table:
    table = Table(title="Faults", title_justify="left", box=None, pad_edge=False)
    for column in ("at s", "for s", "what", "whom"):
        table.add_column(column, justify="right" if column.endswith("s") else "left")
    for one in outcome.happened:
        lasted = "-" if one.seconds is None else f"{one.seconds:.1f}"
        table.add_row(f"{one.at_seconds:.1f}", lasted, one.planned.title, one.whom)
    return table


def _table(title: str, facts: Mapping[str, str]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def _listed(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _faults(outcome: Outcome) -> int:
    return sum(outcome.figures.faults.values())
