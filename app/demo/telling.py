"""The day on a terminal or in a pipe: what is sent and answered as it happens, then the table.

Lines are only ever added, so a pipe gets the same text without colours. Readable at 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from app.demo.judging import outcome_of
from app.demo.script import PartnerName, Scene, Send

if TYPE_CHECKING:
    from app.demo.client import Event, Reply
    from app.demo.playing import Ending
    from app.demo.totals import Totals

_WHO, _WHAT, _WIDTH = 9, 22, 79


class Telling:
    """Tells what goes on, line by line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._signs = _UNICODE if console.encoding.lower().startswith("utf") else _ASCII

    # The day: implements Audience

    def scene(self, number: int, scene: Scene) -> None:
        self._console.print()
        title = Text(f"{number}  {scene.title}", style="bold")
        self._console.print(Rule(title, align="left", style="dim", characters=self._signs["rule"]))
        self._console.print(Text(scene.story, style="italic"))

    def sent(self, send: Send, data: Mapping[str, Any]) -> None:
        about = [send.venue.name]
        if "booking_time" in data:
            about.append(_clock(data["booking_time"]))
        if "party_size" in data:
            about.append(f"for {data['party_size']}")
        what = f"{send.type}" if "status" not in data else f"update to {data['status']}"
        self._line(send.by.name, "sent", what, ", ".join(about))

    def replied(self, send: Send, reply: Reply) -> None:
        if reply.error is not None:
            self._line(send.by.name, "refused", outcome_of(reply), "", reply.milliseconds)
            return
        shown = reply.data or {}
        what = f"{reply.status} {shown.get('status', '')}".rstrip()
        about = ""
        if "booking_reference" in shown:
            about = f"{shown['booking_reference']} {shown['total_price']} {shown['currency']}"
        if reply.replayed:
            what += " (replayed)"
        self._line(send.by.name, "replied", what, about, reply.milliseconds)

    def told(self, event: Event) -> None:
        about = f"{event.payload['booking_reference']}  v{event.payload['booking_version']}"
        self._line("event", "told", event.type, about)

    def partner(self, partner: PartnerName, says: str) -> None:
        self._line(partner, "partner", says, "")

    def ended(self, ending: Ending) -> None:
        for deviation in ending.deviations:
            self._console.print(Text(f"{self._signs['failed']} {deviation}", style="bold red"))

    # After the day

    def table(self, endings: Sequence[Ending]) -> None:
        """What happened and why; what did not go as told is red."""
        table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
        table.add_column("", width=2)
        table.add_column("", width=2, justify="right", style="dim")
        table.add_column("scene", width=22)
        table.add_column("what happened and why", ratio=1)
        for number, ending in enumerate(endings, start=1):
            why = Text(ending.scene.why)
            if not ending.as_told:
                why = Text("\n".join(ending.deviations), style="bold red")
            sign, style = ("kept", "green") if ending.as_told else ("failed", "bold red")
            table.add_row(
                Text(self._signs[sign], style),
                str(number),
                Text(ending.scene.title, style="bold"),
                why,
            )
        self._console.print()
        self._console.print(Rule(style="dim", characters=self._signs["rule"]))
        self._console.print(table)

    def totals(self, totals: Totals) -> None:
        """A few lines of figures."""
        lines = Table.grid(padding=(0, 2, 0, 0))
        for what, figures in totals.lines():
            lines.add_row(what, figures)
        self._console.print()
        self._console.print(lines)

    def verdict(self, endings: Sequence[Ending]) -> None:
        """The last line."""
        broken = sum(not ending.as_told for ending in endings)
        if broken:
            text = f"{broken} of {len(endings)} scenes did not end as the story says."
            self._console.print(Text(text, style="bold red"))
        else:
            text = f"All {len(endings)} scenes ended as the story says."
            self._console.print(Text(text, style="bold green"))

    def trace(self, trace_id: str, milliseconds: float, lines: Iterator[str]) -> None:
        """One create from the record that was sent to the reply that was read."""
        title = f"\nOne create, sent and answered in {milliseconds:.1f} ms:"
        self._console.print(title, style="bold")
        self._console.print(Text(f"trace {trace_id}", style="dim"))
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def invite(self, lines: Iterator[tuple[str, str]]) -> None:
        """Lines to paste, never wrapped: a terminal may break them, a paste does not."""
        self._console.print("\nIt keeps running until Ctrl-C. In another shell:", style="bold")
        for what, line in lines:
            self._console.print(f"\n# {what}", style="dim")
            self._console.print(Text(line), soft_wrap=True)

    def remark(self, text: str) -> None:
        """Something beside the story."""
        self._console.print(Text(text, style="dim"))

    def _line(
        self, who: str, kind: str, what: str, about: str, milliseconds: float | None = None
    ) -> None:
        text = Text(f"  {who:<{_WHO}} ", no_wrap=True, overflow="ellipsis")
        text.append(f"{self._signs[kind]} ", style=_STYLES[kind])
        text.append(what, style=_STYLES[kind])
        if about:
            text.pad_right(max(0, _WHO + 5 + _WHAT - text.cell_len))
            text.append(f"  {about}", style="" if kind == "replied" else "dim")
        if milliseconds is not None:
            took = f"{milliseconds:.0f} ms"
            text.append(took.rjust(max(1, _WIDTH - text.cell_len)), style="dim")
        self._console.print(text)


_STYLES: Final = {
    "sent": "cyan",
    "replied": "green",
    "refused": "yellow",
    "told": "magenta",
    "partner": "dim",
}
_UNICODE: Final = {
    "sent": "→",
    "replied": "←",
    "refused": "←",
    "told": "✦",
    "partner": "·",
    "kept": "✓",
    "failed": "✗",
    "rule": "─",
}
_ASCII: Final = {
    "sent": ">",
    "replied": "<",
    "refused": "<",
    "told": "*",
    "partner": ".",
    "kept": "ok",
    "failed": "!!",
    "rule": "-",
}


def _clock(instant: str) -> str:
    return f"{instant[5:10]} {instant[11:16]}"
