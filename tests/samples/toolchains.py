"""How a sample becomes a program: built by its language's own tools, again only when it changed."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.tools import TOOLS, tool

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "samples"
_BUILT = REPOSITORY / ".tools" / "samples"
_BUILD_SECONDS = 600  # the first time everything is fetched
_LEFT_OUT = shutil.ignore_patterns("node_modules", "target", "__pycache__")


@dataclass(frozen=True, slots=True)
class Language:
    """The programs it needs, what builds a sample in its folder, and what starts it there."""

    tools: tuple[str, ...]
    build: tuple[str, ...]
    start: tuple[str, ...]


LANGUAGES: Mapping[str, Language] = {
    "python": Language((), (), (sys.executable, "book.py")),  # aiokafka is among our own packages
    "java": Language(
        ("java", "mvn"),
        ("mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "package"),
        ("java", "-XX:TieredStopAtLevel=1", "-jar", "target/booking-sample.jar"),
    ),
    "node": Language(
        ("node", "npm"), ("npm", "ci", "--no-audit", "--no-fund"), ("npm", "start", "--silent")
    ),
    "go": Language(("go",), ("go", "build", "-o", "booking-sample", "."), ("./booking-sample",)),
}


def built(name: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of the built sample, a copy, and the command that starts it there."""
    language = LANGUAGES[name]
    for program in language.tools:
        tool(program)
    folder = _BUILT / f"{name}-{_fingerprint(SAMPLES / name)}"
    if not folder.exists():
        for older in _BUILT.glob(f"{name}-*"):
            shutil.rmtree(older)
        copy = _BUILT / f"unfinished-{name}-{os.getpid()}"
        shutil.copytree(SAMPLES / name, copy, ignore=_LEFT_OUT)
        try:
            _build(language, copy)
            copy.rename(folder)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
    return folder, language.start


def environment() -> dict[str, str]:
    """This process's, without our settings; with a home, which Go and npm do not do without."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BOOKING_")}
    home = own.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    return {**own, "HOME": home, "PATH": f"{TOOLS}{os.pathsep}{own['PATH']}"}


def _build(language: Language, folder: Path) -> None:
    if not language.build:
        return
    ran = subprocess.run(
        language.build,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(language.build)}\n{ran.stdout}{ran.stderr}"


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not {"node_modules", "target", "__pycache__"} & set(inside.parts):
            digest.update(f"{inside}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
