"""`booking demo` as a process, on the servers of this test run."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.local_servers import LocalServers
from app.local_servers.named import DATABASE, KAFKA


def servers_named(servers: LocalServers) -> dict[str, str]:
    """The variables that make the demo use them instead of starting its own."""
    return {KAFKA: servers.kafka.bootstrap_servers, DATABASE: servers.postgres.url}


@dataclass
class DemoProcess:
    """Reads what it tells people (stderr, with --json) as it comes."""

    process: subprocess.Popen[bytes]
    told: str = ""
    family: list[psutil.Process] = field(default_factory=list)

    def read_until(self, text: str, within_seconds: float = 60) -> None:
        """Returns when it has told `text`; fails with all it told when it has not."""
        give_up = time.monotonic() + within_seconds
        assert self.process.stderr is not None
        while text not in self.told:
            left = give_up - time.monotonic()
            ready, _, _ = select.select([self.process.stderr], [], [], max(left, 0))
            said = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            assert said, f"the demo never told {text!r}:\n{self.told}"
            self.told += said.decode()

    def signal(self, number: int) -> None:
        """Send a signal; remembers who has to be gone after it."""
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)

    def end(self, within_seconds: float = 60) -> tuple[int, bytes]:
        """The exit code and stdout."""
        result, told = self.process.communicate(timeout=within_seconds)
        self.told += told.decode()
        return self.process.returncode, result


@contextmanager
def demo_process(servers: LocalServers, *arguments: str) -> Iterator[DemoProcess]:
    """Started; killed if the test leaves it running (its own guards then end what it started)."""
    command = [str(Path(sys.executable).with_name("booking")), "demo", "--json", *arguments]
    process = subprocess.Popen(
        command,
        env=os.environ | servers_named(servers),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield DemoProcess(process)
    finally:
        process.kill()
        process.wait()
