"""Take each guard out of a scratch copy and run the tests that must notice: `make removals`.

Ends with 1 when a guard can go without any of its tests turning red.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.removals.guards import REMOVALS
from tests.removals.removal import Removal

ROOT = Path(__file__).parents[2]
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".venv-lock", "__pycache__", ".*_cache")


def main() -> int:
    """All removals, or those named; gives the exit code."""
    wanted = [each for each in REMOVALS if not sys.argv[1:] or each.name in sys.argv[1:]]
    if unknown := set(sys.argv[1:]) - {each.name for each in wanted}:
        sys.stderr.write(f"no such guard: {', '.join(sorted(unknown))}\n")
        return 2
    survivors = [removal.name for removal in wanted if not _is_noticed(removal)]
    for name in survivors:
        sys.stdout.write(f"nobody noticed that it is gone: {name}\n")
    return 1 if survivors else 0


def _is_noticed(removal: Removal) -> bool:
    with tempfile.TemporaryDirectory(prefix="booking-removal-") as place:
        copy = Path(place) / "copy"
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        for edit in removal.edits:
            edit.apply_to(copy)
        began = time.monotonic()
        code, last = _run(copy, removal.noticed_by)
    # 1: tests failed. Anything else but 0 says that they could not even be run.
    colour = {0: "GREEN", 1: "red"}.get(code, f"exit {code}")
    sys.stdout.write(f"{removal.name}: {colour} in {time.monotonic() - began:.0f} s ({last})\n")
    sys.stdout.flush()
    return code == 1


def _run(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = run.stdout.strip().splitlines() or [""]
    return run.returncode, lines[-1].strip("= ")


if __name__ == "__main__":
    sys.exit(main())
