"""Kafka and PostgreSQL in Docker containers, where a daemon really answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.local_servers.kafka_settings import listening
from app.local_servers.loopback import HOST, free_port, wait_until
from app.local_servers.offers import NotOffered, ServerUnavailable
from app.local_servers.readiness import kafka_serves, postgres_serves

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.4.0"
POSTGRES_IMAGE = "postgres:18-alpine"
_STARTS_WITHIN_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    """A container that can be killed and started again; its host port is fixed, so it stays."""

    container: DockerContainer
    serves: Callable[[], bool]

    def start(self) -> None:
        """Start it again; returns when it serves."""
        self.container.get_wrapped_container().start()
        self.wait()

    def stop(self) -> None:
        """Shut down in good order."""
        self.container.get_wrapped_container().stop()

    def kill(self) -> None:
        """SIGKILL."""
        self.container.get_wrapped_container().kill()

    def wait(self) -> None:
        """Returns when it serves; raises ServerUnavailable when it does not in time."""
        if not wait_until(self.serves, self._is_running, _STARTS_WITHIN_SECONDS):
            image = self.container.image
            raise ServerUnavailable(f"Docker: the container of {image} does not serve on {HOST}")

    def _is_running(self) -> bool:
        wrapped = self.container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status in ("created", "running"))


@contextmanager
def kafka(progress: Callable[[str], None]) -> Iterator[tuple[str, ContainerProcess]]:
    """A broker in KRaft mode in a container."""
    port, controller_port = free_port(), free_port()
    settings = listening(HOST, port, controller_port, bind="")
    environment = {f"KAFKA_{name.upper().replace('.', '_')}": v for name, v in settings.items()}
    serves = partial(kafka_serves, HOST, port)
    with _running(KAFKA_IMAGE, environment, (port, port), serves, progress) as server:
        yield f"{HOST}:{port}", server


@contextmanager
def postgres(progress: Callable[[str], None]) -> Iterator[tuple[str, ContainerProcess]]:
    """A server in a container, with a fresh superuser password."""
    port, password = free_port(), secrets.token_urlsafe(18)
    environment = {"POSTGRES_PASSWORD": password}
    serves = partial(postgres_serves, HOST, port)
    with _running(POSTGRES_IMAGE, environment, (5432, port), serves, progress) as server:
        yield f"postgresql+asyncpg://postgres:{password}@{HOST}:{port}/postgres", server


@contextmanager
def _running(
    image: str,
    environment: dict[str, str],
    ports: tuple[int, int],
    serves: Callable[[], bool],
    progress: Callable[[str], None],
) -> Iterator[ContainerProcess]:
    container = _container(image)
    container.with_envs(**environment)
    inside, outside = ports
    # to this machine alone: neither server would ask a stranger much
    container.ports[f"{inside}/tcp"] = (HOST, outside)  # type: ignore[assignment]
    progress(f"Docker: starting {image} (fetched the first time)")
    from docker.errors import DockerException

    try:
        container.start()
    except DockerException as failure:
        raise NotOffered(f"Docker: {image} does not start ({failure})") from failure
    try:
        server = ContainerProcess(container, serves)
        server.wait()
        progress(f"Docker: {image} serves at {HOST}:{outside}")
        yield server
    finally:
        container.stop()


def _container(image: str) -> DockerContainer:
    try:
        from docker.errors import DockerException
        from testcontainers.core.container import DockerContainer
    except ImportError:
        raise NotOffered("Docker: testcontainers is not installed (extra `local`)") from None
    try:
        container = DockerContainer(image)
        container.get_docker_client().client.ping()
    except DockerException:
        raise NotOffered("Docker: no daemon answers") from None
    return container
