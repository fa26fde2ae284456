"""Programs and files from outside that some tests need; `.ci/tools` brings them.

Where BOOKING_TEST_TOOLS=required (as in `.ci/run`) a missing one fails its tests. Else they skip: a
developer need not have Helm, Chromium and four languages to change a rule.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_REPOSITORY = Path(__file__).parent.parent
TOOLS = _REPOSITORY / ".tools" / "bin"


def tool(name: str) -> str:
    """The path of the program; `.tools/bin` before PATH."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    return found or _lacks(f"{name} is not installed: run .ci/tools, or have it on PATH")


def brought(path: str) -> Path:
    """A file or folder that `.ci/tools` brings; `path` from the repository's top."""
    found = _REPOSITORY / path
    return found if found.exists() else _lacks(f"{path} is missing: run .ci/tools")


def _lacks(reason: str) -> NoReturn:
    if os.environ.get("BOOKING_TEST_TOOLS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
