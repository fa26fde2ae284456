"""Kafkas of other shapes than the usual one: three nodes, or a second way in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from app.local_servers import KafkaServer
from app.local_servers.embedded_kafka import installed, new_cluster
from app.local_servers.guarded_process import GuardedProcess
from app.local_servers.kafka_settings import SETTINGS, listening
from app.local_servers.loopback import HOST, free_port

NODES = 3


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """Three nodes, each broker and controller; what is kept in it is kept three times."""

    nodes: Sequence[GuardedProcess]
    ports: Sequence[int]

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{HOST}:{port}" for port in self.ports)

    def node_at(self, port: int) -> GuardedProcess:
        """The node that clients reach at this port."""
        return self.nodes[self.ports.index(port)]

    def start(self) -> None:
        """Start those that are down; returns when all of them know each other."""
        self._all(GuardedProcess.start)

    def stop(self) -> None:
        """Shut all down in good order."""
        self._all(GuardedProcess.stop)

    def kill(self) -> None:
        """SIGKILL to all."""
        self._all(GuardedProcess.kill)

    def _all(self, act: Callable[[GuardedProcess], None]) -> None:
        with ThreadPoolExecutor(NODES) as acting:
            list(acting.map(act, self.nodes))


@contextmanager
def kafka_cluster() -> Iterator[KafkaCluster]:
    """Three nodes until the block ends."""
    program, cluster = installed(_silent), new_cluster()
    ports, controllers = [[free_port() for _ in range(NODES)] for _ in range(2)]
    voters = [f"{n}@{HOST}:{port}" for n, port in enumerate(controllers, start=1)]
    with ExitStack() as held, ThreadPoolExecutor(NODES) as making:

        def made(number: int) -> GuardedProcess:
            port = ports[number]
            settings = listening(HOST, port, controllers[number], bind=HOST) | {
                "node.id": str(number + 1),
                "controller.quorum.voters": ",".join(voters),
                **_KEPT_THREE_TIMES,
            }
            return held.enter_context(program.node(port, settings, cluster, brokers=NODES))

        nodes = list(making.map(made, range(NODES)))
        whole = KafkaCluster(nodes, ports)
        whole.start()
        yield whole


_KEPT_THREE_TIMES = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
}


@contextmanager
def kafka_with_another_way_in(through_port: int) -> Iterator[tuple[KafkaServer, int]]:
    """A Kafka that tells its address to clients by the way that they came: those of a second port,
    which is given too, are sent back to `through_port`. There a proxy may stand between.
    """
    program = installed(_silent)
    port, other_port = free_port(), free_port()
    settings = listening(HOST, port, free_port(), bind=HOST)
    settings |= {
        "listeners": f"{settings['listeners']},OTHER://{HOST}:{other_port}",
        "advertised.listeners": f"{settings['advertised.listeners']},OTHER://{HOST}:{through_port}",
        "listener.security.protocol.map": (
            f"{SETTINGS['listener.security.protocol.map']},OTHER:PLAINTEXT"
        ),
    }
    with program.node(port, settings, new_cluster()) as broker:
        broker.start()
        yield KafkaServer(broker, f"{HOST}:{port}"), other_port


def _silent(line: str) -> None:
    """Nobody waits for these servers' news."""
