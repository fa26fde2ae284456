"""Where local servers keep what they need: a directory that goes with them, and one that stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def passing_directory(name: str) -> Iterator[Path]:
    """An empty directory for one run, removed at its end."""
    directory = Path(tempfile.mkdtemp(prefix=f"booking-{name}-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def lasting_directory() -> Path:
    """The user's cache, as the XDG rules name it; the temporary directory for who has no home."""
    named = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME")
    if named is None:
        return Path(tempfile.gettempdir()) / f"booking-worker-{os.getuid()}"
    within = Path(named) if os.environ.get("XDG_CACHE_HOME") else Path(named) / ".cache"
    return within / "booking-worker"
