"""Take each guard out of a scratch copy and run the tests that must notice: `make removals`.

First all of these tests have to be green with nothing removed. Ends with 1 when a guard can go and
none of its tests turns red, or turns red without saying what it is there to say.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.local_servers import local_servers, named
from tests.removals.guards import REMOVALS
from tests.removals.removal import Removal

ROOT: Final = Path(__file__).parents[2]
_NOT_COPIED: Final = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache")
_BEFORE: Final = 60
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Ran:
    """Some tests that have been run."""

    code: int
    output: str
    seconds: float

    @property
    def colour(self) -> str:
        # 1: tests failed. Anything else but 0 says that they could not even be run.
        return {0: "GREEN", 1: "red"}.get(self.code, f"exit {self.code}")

    def words_with(self, pattern: str) -> str | None:
        """What stands in the first error in which the pattern is found, from a little before it."""
        for line in self.output.splitlines():
            if line.startswith("E  ") and (found := re.search(pattern, line)):
                return line[max(4, found.start() - _BEFORE) :][:_LONGEST].strip()
        return None

    @property
    def errors(self) -> str:
        """What pytest marks as the errors, else its last words."""
        lines = self.output.splitlines()
        told = [line for line in lines if line.startswith("E  ")] or lines[-20:]
        return "\n".join(line[:_LONGEST] for line in told[:20])


def main() -> int:
    """All removals, or those named; gives the exit code."""
    wanted = [each for each in REMOVALS if not sys.argv[1:] or each.name in sys.argv[1:]]
    if unknown := set(sys.argv[1:]) - {each.name for each in wanted}:
        _say(f"no such guard: {', '.join(sorted(unknown))}")
        return 2
    began = time.monotonic()
    with local_servers(_say) as servers:
        settings = {
            named.KAFKA: servers.kafka.bootstrap_servers,
            named.DATABASE: servers.postgres.url,
        }
        if not _is_green_untouched(wanted, settings):
            return 1
        survivors = [removal.name for removal in wanted if not _is_noticed(removal, settings)]
    for name in survivors:
        _say(f"nobody noticed that it is gone: {name}")
    _say(f"{len(wanted)} guards, {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


def _is_green_untouched(removals: Sequence[Removal], settings: Mapping[str, str]) -> bool:
    tests = dict.fromkeys(test for removal in removals for test in removal.noticed_by)
    with _a_copy() as copy:
        ran = _run(copy, tuple(tests), settings)
    _say(f"nothing removed: {ran.colour} in {ran.seconds:.0f} s")
    if ran.code:
        _say(ran.errors)
    return ran.code == 0


def _is_noticed(removal: Removal, settings: Mapping[str, str]) -> bool:
    with _a_copy() as copy:
        for edit in removal.edits:
            edit.apply_to(copy)
        ran = _run(copy, ("-x", *removal.noticed_by), settings)
    said = ran.words_with(removal.says) if ran.code == 1 else None
    _say(f"{removal.name}: {ran.colour} in {ran.seconds:.0f} s: {said or 'for another reason'}")
    if said is None:
        _say(ran.errors)
    return said is not None


@contextmanager
def _a_copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="booking-removal-") as place:
        copy = Path(place) / "copy"
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        yield copy


def _run(copy: Path, arguments: Sequence[str], settings: Mapping[str, str]) -> Ran:
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *arguments],
        cwd=copy,
        env={**os.environ, **settings, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(run.returncode, run.stdout + run.stderr, time.monotonic() - began)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
