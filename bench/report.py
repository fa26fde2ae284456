"""What was found, for a person: figures, changes since an earlier run, targets, what was wrong."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.comparing import Change
from bench.figures import Answer, Figure
from bench.targets import Verdict

_FILE_WIDTH = 120
_COLOURS = {"reached": "green", "missed": "bold red"}


def remark(line: str) -> None:
    """One line for a person who waits."""
    Console(stderr=True, highlight=False).print(line, style="dim", soft_wrap=True)


class Printed:
    """To standard output, in colour when it is a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = _FILE_WIDTH  # else figures are cut for nobody's screen

    def answer(self, answer: Answer, asks: str) -> None:
        """A question's figures: medians, and the lowest and highest of all rounds."""
        table = _table(f"{answer.question}: {asks}", "", "", "median", "from", "to")
        last = ""
        for each in answer.figures:
            subject = each.subject if each.subject != last else ""
            last = each.subject
            table.add_row(subject, each.quantity, *_numbers(each))
        self._console.print(table)

    def changes(self, changes: Sequence[Change], since: str) -> None:
        """Each figure's ratio to what it was."""
        table = _table(f"since {since}", "", "then", "now", "ratio", "")
        for each in changes:
            ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
            within = "[dim]within the spread[/]" if each.is_within_spread else ""
            table.add_row(each.figure, number(each.before), number(each.now), ratio, within)
        self._console.print(table)

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """All targets; what is missed is shown like what is reached."""
        table = _table("targets", "", "aim", "found", "")
        for each in verdicts:
            if each.found is not None:
                word = f"[{_COLOURS[each.word]}]{each.word}[/]"
                table.add_row(each.target.figure, each.target.aim, number(each.found), word)
        self._console.print(table)
        if unknown := sum(each.found is None for each in verdicts):
            self._console.print(f"[dim]not measured: {unknown} of {len(verdicts)} targets[/]")

    def wrong(self, wrong: Sequence[str]) -> None:
        """What makes the figures worth nothing."""
        for each in wrong:
            self._console.print(f"[bold red]wrong[/]    {each}")
        if not wrong:
            self._console.print("[green]correct[/]  every message has the one reply it should have")


def number(value: float) -> str:
    """With three digits that say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _numbers(figure: Figure) -> tuple[str, str, str]:
    lowest, highest = figure.spread
    return number(figure.median), number(lowest), number(highest)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(columns):
        is_text = name in ("", "aim")
        table.add_column(name, justify="left" if is_text or place == 0 else "right", no_wrap=True)
    return table
