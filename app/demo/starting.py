"""What is told while the servers start: a spinner on a terminal, a line now and then in a pipe."""

from __future__ import annotations

from time import monotonic
from typing import Final

from rich.console import Console
from rich.status import Status
from rich.text import Text

_QUIET_SECONDS: Final = 1.0
_MILESTONES: Final = (
    ": starting",
    " serving at ",
    " serves at ",
    ": using ",
    " created",
    ": ready",
)


class Starting:
    """Milestones stay on the screen; what lies between is shown while it lasts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = monotonic()
        self._told_at = 0.0
        self._status: Status | None = None

    def opening(self) -> None:
        """The first line, before anything is started."""
        title = Text.assemble(("booking demo", "bold"), ": a day of bookings over a real Kafka")
        self._console.print(title)
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()

    def progress(self, line: str) -> None:
        """What is being started; called from any thread."""
        if self._status is not None:
            self._status.update(line)
        now = monotonic()
        is_quiet = self._status is None and now - self._told_at > _QUIET_SECONDS
        if is_quiet or any(milestone in line for milestone in _MILESTONES):
            self._told_at = now
            self._console.print(Text(f"{now - self._began:5.1f} s  {line}", style="dim"))

    def over(self) -> None:
        """Everything runs, or will never."""
        if self._status is not None:
            self._status.stop()
            self._status = None
