"""One question on the wire to each kind of server: do you serve, not merely listen?"""

from __future__ import annotations

import socket
import struct
from ssl import SSLContext

_METADATA, _VERSION = 3, 1


def kafka_serves(host: str, port: int, at_least: int = 1, *, tls: SSLContext | None = None) -> bool:
    """Whether the cluster counts so many brokers ready to hold partitions."""
    # header: api key, version, correlation id, no client id; body: no topics
    request = struct.pack(">hhihi", _METADATA, _VERSION, 1, -1, 0)
    try:
        with _connected(host, port, tls) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb").read(12)
    except OSError:
        return False
    if len(answer) < 12:
        return False
    _size, _correlation, brokers = struct.unpack(">iii", answer)
    return bool(brokers >= at_least)


def _connected(host: str, port: int, tls: SSLContext | None) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=5)
    if tls is None:
        return connection
    try:
        return tls.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def postgres_serves(host: str, port: int) -> bool:
    """Whether it asks for a password: while starting or recovering it answers with an error."""
    greeting = struct.pack(">i", 3 << 16) + b"user\0postgres\0\0"
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(struct.pack(">i", len(greeting) + 4) + greeting)
            return connection.recv(1) == b"R"
    except OSError:
        return False
