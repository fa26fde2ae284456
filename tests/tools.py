"""Programs from outside that some tests need; `.ci/tools` installs them.

Where BOOKING_TEST_TOOLS=required (as in `.ci/run`) a missing one fails its tests; else they skip.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent / ".tools" / "bin"


def tool(name: str) -> str:
    """The path of the program; `.tools/bin` before PATH."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        verdict = pytest.fail if os.environ.get("BOOKING_TEST_TOOLS") == "required" else pytest.skip
        verdict(f"{name} is not installed: run .ci/tools, or have it on PATH")
    return found


def brought(path: str) -> Path:
    """A file that `.ci/tools` brings; `path` from the repository's top."""
    found = Path(__file__).parent.parent / path
    if not found.is_file():
        verdict = pytest.fail if os.environ.get("BOOKING_TEST_TOOLS") == "required" else pytest.skip
        verdict(f"{path} is missing: run .ci/tools")
    return found
