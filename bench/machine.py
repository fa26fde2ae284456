"""On what a run was made: figures without it say nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("aiokafka", "asyncpg", "faststream", "pydantic", "pyreqwest", "sqlalchemy")


def circumstances(command: str) -> dict[str, Any]:
    """When, with which command, on which machine, and how busy it was at the start."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_average": load_average(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def load_average() -> list[float]:
    """How many processes wanted a core, in the last 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    named = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    return named[0] if named else platform.processor()
