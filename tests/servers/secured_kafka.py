"""A Kafka that lets nobody in unknown: TLS everywhere, SCRAM or client certificates, ACLs."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import create_default_context

from adapters.kafka.settings import KafkaSettings
from adapters.tls import Tls
from app.local_servers.directories import lasting_directory, passing_directory
from app.local_servers.embedded_kafka import installed, new_cluster
from app.local_servers.guarded_process import GuardedProcess
from app.local_servers.kafka_jars import fetched, pins_in
from app.local_servers.kafka_settings import SETTINGS
from app.local_servers.loopback import HOST, free_port
from tests.servers.certificates import Authority, Pair

ADMIN = "admin"
PASSWORDS = {name: f"the password of {name}" for name in (ADMIN, "worker", "operator", "deployer")}
_LISTENERS = ("SCRAM", "MTLS", "ELSEWHERE", "CONTROLLER")
_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_TOOLS = Path(__file__).with_name("kafka_tools.lock")


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """`scram` and `mtls` are addresses; at `elsewhere` it shows another host's certificate."""

    process: GuardedProcess
    authority: Authority
    directory: Path
    ports: Mapping[str, int]
    command: Sequence[str]

    @property
    def scram(self) -> str:
        return f"{HOST}:{self.ports['SCRAM']}"

    @property
    def mtls(self) -> str:
        return f"{HOST}:{self.ports['MTLS']}"

    @property
    def elsewhere(self) -> str:
        return f"{HOST}:{self.ports['ELSEWHERE']}"

    def as_admin(self, name: str = "") -> KafkaSettings:
        """The way in of somebody who may do anything; `name` is another one who may not."""
        who = name or ADMIN
        return KafkaSettings(
            self.scram,
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_username=who,
            sasl_password=PASSWORDS[who],
            tls=Tls(authorities=str(self.authority.file)),
        )

    def run_acls(self, lines: Sequence[str]) -> None:
        """Run lines of a shell that call kafka-acls.sh, as the admin; they have to succeed."""
        (self.directory / "admin.properties").write_text(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n"
            f"sasl.jaas.config={_SCRAM_LOGIN.rstrip(';')}"
            f' username="{ADMIN}" password="{PASSWORDS[ADMIN]}";\n'
            f"ssl.truststore.type=PEM\nssl.truststore.location={self.authority.file}\n"
        )
        with ThreadPoolExecutor(2) as running:
            list(running.map(self._run_acls, lines))

    def _run_acls(self, line: str) -> None:
        program, *arguments = shlex.split(line)
        assert program == "kafka-acls.sh", line
        tools = fetched(pins_in(_TOOLS), lasting_directory() / "kafka", _silent)
        *java, class_path = self.command
        done = subprocess.run(
            [
                *java,
                os.pathsep.join([class_path, *map(str, tools)]),
                "org.apache.kafka.tools.AclCommand",
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def secured_kafka() -> Iterator[SecuredKafka]:
    """One node until the block ends. Its super users are the admin and the node itself."""
    program = installed(_silent)
    ports = {name: free_port() for name in _LISTENERS}
    with passing_directory("certificates") as directory:
        authority = Authority(directory, "authority")
        broker = authority.signs("broker")
        settings = _settings(directory, authority, broker, ports)
        options = [
            f"--add-scram={mechanism}=[name={name},password={password},iterations=4096]"
            for name, password in PASSWORDS.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]
        tls = create_default_context(cafile=str(authority.file))
        tls.load_cert_chain(broker.certificate, broker.key)
        with program.node(
            ports["MTLS"], settings, new_cluster(), format_options=options, tls=tls
        ) as node:
            node.start()
            yield SecuredKafka(node, authority, directory, ports, program.run)


def _settings(
    directory: Path, authority: Authority, broker: Pair, ports: Mapping[str, int]
) -> dict[str, str]:
    store, other = directory / "broker.pem", directory / "elsewhere.pem"
    store.write_text(broker.both())
    other.write_text(authority.signs("elsewhere", ["kafka.elsewhere.example"]).both())
    listeners = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
    return SETTINGS | {
        "listeners": listeners,
        "advertised.listeners": listeners.rpartition(",")[0],
        "controller.quorum.voters": f"1@{HOST}:{ports['CONTROLLER']}",
        "listener.security.protocol.map": "SCRAM:SASL_SSL,MTLS:SSL,ELSEWHERE:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "MTLS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "listener.name.elsewhere.ssl.keystore.type": "PEM",
        "listener.name.elsewhere.ssl.keystore.location": str(other),
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": _SCRAM_LOGIN,
        "listener.name.scram.scram-sha-512.sasl.jaas.config": _SCRAM_LOGIN,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # By the common name alone, so that ACLs are the same for users and for certificates.
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]*).*$/$1/",
        "super.users": f"User:{ADMIN};User:broker",
    }


def _silent(line: str) -> None:
    """Nobody waits for this server's news."""
