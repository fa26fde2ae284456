"""A server process under its guard: started, stopped, killed, started again on the same data."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.local_servers import guard
from app.local_servers.loopback import wait_until
from app.local_servers.offers import ServerUnavailable

_STARTS_WITHIN_SECONDS = 60.0
_STOPS_WITHIN_SECONDS = 20.0


@dataclass(slots=True)
class GuardedProcess:
    """A command that serves; `directory` holds its data and goes when the guard finds us dead."""

    name: str
    command: Sequence[str]
    directory: Path
    serves: Callable[[], bool]
    stop_signal: signal.Signals
    user: str = ""
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Returns when it serves; raises ServerUnavailable with the last line it wrote."""
        if self._guard is not None and self._guard.poll() is None:
            return
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, guard.__file__, str(self.directory), self.user, *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for us; we then stop the server in good order
            )
        if not wait_until(self.serves, self._is_alive, _STARTS_WITHIN_SECONDS):
            self.kill()
            raise ServerUnavailable(f"{self.name} did not start: {self._last_words()}")

    def stop(self) -> None:
        """Shut down in good order, by force if that takes too long."""
        self._order(self.stop_signal)
        try:
            self._end(_STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, with all its children; returns when they are gone."""
        self._order(signal.SIGKILL)
        self._end(_STOPS_WITHIN_SECONDS)

    @property
    def log(self) -> Path:
        """What the server writes, all starts in one file."""
        return self.directory / "server.log"

    def _is_alive(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def _order(self, order: signal.Signals) -> None:
        if self._guard is None or self._guard.stdin is None or self._guard.stdin.closed:
            return
        try:
            self._guard.stdin.write(bytes([order]))
        except BrokenPipeError:
            return  # it ended by itself

    def _end(self, within_seconds: float) -> None:
        if self._guard is None:
            return
        self._guard.wait(within_seconds)
        if self._guard.stdin is not None:
            self._guard.stdin.close()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def run_to_end(name: str, command: Sequence[str], directory: Path, user: str = "") -> None:
    """Run a step of the preparation. Raises ServerUnavailable with the last line it wrote."""
    done = subprocess.run(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=directory,
        check=False,
        user=user or None,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it wrote nothing"])[-1]
        raise ServerUnavailable(f"{name} failed with exit code {done.returncode}: {last}")
