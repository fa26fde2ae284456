"""Apache Kafka's jars: pinned with hashes beside this file, fetched once into the user's cache.

`python -m app.local_servers.kafka_jars VERSION` pins another version (then run the tests).
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from app.local_servers.offers import NotOffered

_PINS = Path(__file__).with_name("kafka_jars.lock")
_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar: its Maven coordinates, `group:artifact:version`, and the SHA-256 of the file."""

    coordinates: str
    sha256: str

    @property
    def file_name(self) -> str:
        """As Maven names it; the artifacts of our closure differ in name."""
        _group, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"

    def is_met_by(self, jar: Path) -> bool:
        """Whether the file is there and is the one that was pinned."""
        return jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == self.sha256


def jars_in(cache: Path, progress: Callable[[str], None]) -> list[Path]:
    """All jars, checked against their pins; fetches what is missing. Raises NotOffered."""
    return fetched(pins_in(_PINS), cache / "kafka", progress)


def pins_in(lock: Path) -> list[Pin]:
    """What a file like kafka_jars.lock pins."""
    return [Pin(*line.split()) for line in lock.read_text().splitlines()]


def fetched(pins: list[Pin], directory: Path, progress: Callable[[str], None]) -> list[Path]:
    """These jars in the directory, checked; fetches what is missing. Raises NotOffered."""
    directory.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins if not pin.is_met_by(directory / pin.file_name)]
    if missing:
        _fetch(missing, directory, progress)
    return [directory / pin.file_name for pin in pins]


def _fetch(pins: list[Pin], directory: Path, progress: Callable[[str], None]) -> None:
    try:
        from jgo.maven import MavenContext
    except ImportError:
        raise NotOffered("embedded: jgo is not installed (extra `local`)") from None
    import requests

    with (
        tempfile.TemporaryDirectory(dir=directory) as fresh,
        ThreadPoolExecutor(_DOWNLOADS) as pool,
    ):
        maven = MavenContext(repo_cache=Path(fresh), timeout=60)

        def fetch(pin: Pin) -> int:
            group, artifact, version = pin.coordinates.split(":")
            jar = maven.project(group, artifact).at_version(version).artifact().resolve()
            if not pin.is_met_by(jar):
                raise NotOffered(f"embedded: {pin.file_name} is not the file that was pinned")
            size = jar.stat().st_size
            # a rename, so that another process sees the whole jar or none
            jar.replace(directory / pin.file_name)
            return size

        megabytes = 0.0
        try:
            for done, size in enumerate(pool.map(fetch, pins), start=1):
                megabytes += size / 1e6
                progress(f"Kafka: fetched {done} of {len(pins)} jars, {megabytes:.0f} MB")
        except (requests.RequestException, RuntimeError, OSError) as failure:
            raise NotOffered(
                f"embedded: Kafka's jars could not be fetched ({failure})"
            ) from failure


def pins_of(version: str) -> Iterable[Pin]:
    """The closure of one version of Kafka, as Maven resolves it today."""
    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as fresh:
        maven = MavenContext(repo_cache=Path(fresh), timeout=60)
        broker = Coordinate.parse(f"org.apache.kafka:kafka_2.13:{version}")
        roots, closure = maven.resolver.resolve(
            [maven.create_dependency(replace(broker, scope="compile"))]
        )
        for dependency in [*roots, *closure]:
            if dependency.scope in ("compile", "runtime"):
                artifact = dependency.artifact
                digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
                yield Pin(f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}", digest)


if __name__ == "__main__":
    lines = sorted(f"{pin.coordinates} {pin.sha256}\n" for pin in pins_of(sys.argv[1]))
    _PINS.write_text("".join(lines))
