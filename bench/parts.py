"""Who on this machine spends how much CPU while the worker works: a limit may be anybody's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

SERVERS: Final = ("postgresql", "kafka", "partners", "load")
OTHERS: Final = "others"
"""Whatever else is busy here: where that is much, figures are worth little."""
_WORKER: Final = "worker"


def cpu_seconds_by_part() -> dict[str, float]:
    """Of this process (the load), of all that it has started, and of the rest of the machine.

    Servers that somebody else started count among the others.
    """
    here = psutil.Process()
    found = dict.fromkeys((*SERVERS, _WORKER), 0.0)
    for process in (here, *here.children(recursive=True)):
        try:
            part = "load" if process.pid == here.pid else _part(process.cmdline())
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if part is not None:
            found[part] += times.user + times.system
            if part == "postgresql":  # connections that were closed are counted by who made them
                found[part] += times.children_user + times.children_system
    ended = here.cpu_times()
    found[_WORKER] += ended.children_user + ended.children_system
    machine = psutil.cpu_times()
    busy = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
    return found | {OTHERS: busy - sum(found.values())}


def _part(words: list[str]) -> str | None:
    program = Path(words[0]).name if words else ""
    if program.startswith("postgres"):
        return "postgresql"
    if program == "java":
        return "kafka"
    if "app.demo.partners" in words:
        return "partners"
    return _WORKER if any("main(['run'])" in word for word in words) else None
