"""The worker and the stand-in partners as processes of their own, gone when the demo is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from app.demo.script import PartnerName
from app.health_file import last_beat
from app.local_servers.guarded_process import GuardedProcess

COMMAND = Path(sys.executable).with_name("booking")
"""The command line of this installation, whatever PATH says."""
PARTNERS: tuple[PartnerName, ...] = ("inventory", "pricing", "payment")


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """Where it writes its log; its process id, unless it ended at once."""

    log: Path
    pid: int | None


@contextmanager
def partners_running(directory: Path) -> Iterator[dict[PartnerName, str]]:
    """The three stand-ins; gives their addresses. Raises ServerUnavailable."""
    directory.mkdir()
    told = directory / "server.log"  # the first line they write
    process = GuardedProcess(
        "The stand-in partners",
        [*_without_settings(), sys.executable, "-m", "app.demo.partners"],
        directory,
        lambda: told.read_bytes().endswith(b"}\n"),
        stop_signal=signal.SIGTERM,
    )
    process.start()
    try:
        urls = orjson.loads(told.read_bytes())
        yield {name: urls[f"{name}_url"] for name in PARTNERS}
    finally:
        process.kill()


@contextmanager
def worker_running(
    directory: Path, health_file: Path, told: Mapping[str, str]
) -> Iterator[RunningWorker]:
    """`booking run` with the `.env` in `directory`, and the variables `told`, which no `.env` may
    hold. Raises ServerUnavailable.

    Returns when the worker says that it is ready; at the end it drains.
    """

    def is_ready() -> bool:
        beat = last_beat(health_file)
        return beat is not None and beat.condition.ready and beat.is_fresh(datetime.now(UTC))

    worker = GuardedProcess(
        "The worker",
        [*_without_settings(told), str(COMMAND), "run"],
        directory,
        is_ready,
        stop_signal=signal.SIGTERM,
    )
    worker.start()
    try:
        beat = last_beat(health_file)
        yield RunningWorker(worker.log, beat.pid if beat else None)
    finally:
        worker.stop()


def _without_settings(told: Mapping[str, str] | None = None) -> Sequence[str]:
    """The demo's own settings alone count, not what happens to be set around it."""
    ours = [name for name in os.environ if name.upper().startswith(("BOOKING_", "OTEL_"))]
    unset = [part for name in ours for part in ("-u", name)]
    set_ = [f"{name}={value}" for name, value in (told or {}).items()]
    return ["env", *unset, *set_] if unset or set_ else []
