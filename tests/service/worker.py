"""A worker as an operating system's process: started, killed, frozen, woken, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
BOOKING = [sys.executable, "-c", "from app.cli import main; main()"]

STOPS_WITHIN_SECONDS = 30


class WorkerProcess:
    """`booking run` with these settings; its output, of all its lives, is one file."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin a life; the worker needs two seconds or so until it works."""
        assert self._process is None or self._process.poll() is not None, "it lives already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*BOOKING, "run"],
                env=environment(self._settings),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no last word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: as a machine that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT: it does not know that time has passed."""
        os.kill(self.pid, signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    async def exit_code(self, within_seconds: float = STOPS_WITHIN_SECONDS) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, within_seconds)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with the given settings and no other of the service."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BOOKING_")}
    return {**own, **settings}
