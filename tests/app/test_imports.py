"""What a worker holds in memory without ever using it."""

from __future__ import annotations

import subprocess
import sys


def test_a_worker_does_without_the_tool_that_migrates() -> None:
    program = "import sys, app.main; print(sorted({'alembic', 'mako'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
