"""The figures as a table; what missed its target says so."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.figures import LEAST_PER_SECOND, MOST_TIMES_THE_FLOOR, Figures


def remark(line: str) -> None:
    """One line for a person who waits."""
    Console(stderr=True, highlight=False).print(line, style="dim", soft_wrap=True)


def print_report(found: Figures) -> None:
    """To standard output, in colour when it is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(title=f"{found.creates} creates a round, medians of {len(found.rounds)} rounds")
    for name in ("", "creates/s", "CPU ms per create"):
        table.add_column(name, justify="right" if name else "left")
    for name, rate in (("floor", found.floor), ("worker", found.worker)):
        table.add_row(name, f"{rate.per_second:,.0f}", f"{rate.cpu_ms:.2f}")
    console.print(table)
    each = ", ".join(f"{w.cpu_ms / f.cpu_ms:.2f}" for f, w in found.rounds)
    ratio, speed = found.times_the_floor, found.worker.per_second
    console.print(
        f"{_verdict(found.near_the_floor)}  {ratio:.2f} times the floor's CPU"
        f" (rounds: {each}); aim: at most {MOST_TIMES_THE_FLOOR:.1f}"
    )
    console.print(
        f"{_verdict(found.fast_enough)}  {speed:,.0f} creates/s;"
        f" aim: at least {LEAST_PER_SECOND:.0f}"
    )
    console.print(
        f"batches of {found.batch_median:.0f} (median), {found.batch_largest} (largest);"
        f" a lone create is answered within {found.lone_p50_ms:.0f} ms (p50),"
        f" {found.lone_p99_ms:.0f} ms (p99)"
    )
    for what in found.wrong:
        console.print(f"[bold red]wrong[/]    {what}")
    if not found.wrong:
        console.print("[green]correct[/]  every create has exactly one reply, a 201")


def _verdict(reached: bool) -> str:
    return "[green]reached[/]" if reached else "[bold red]missed[/] "
