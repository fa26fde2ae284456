"""Free ports on 127.0.0.1, and waiting until something is served there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from random import SystemRandom

HOST = "127.0.0.1"

# Below every system's ephemeral range: while a server is down, a client that keeps connecting to
# a port of that range ends up connected to itself, and then the server cannot have its port back.
_PORTS = range(15_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on; it stays the server's through restarts."""
    while True:
        port = SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def wait_until(
    serves: Callable[[], bool], alive: Callable[[], bool], within_seconds: float
) -> bool:
    """Whether it came to serve in time; gives up at once when it is no longer alive."""
    give_up = time.monotonic() + within_seconds
    while time.monotonic() < give_up and alive():
        if serves():
            return True
        time.sleep(0.03)
    return False
