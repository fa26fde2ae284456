"""`settings`: loads them in an environment and a directory of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.app.settings.loading import LoadWith


@pytest.fixture(autouse=True)
def an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine and no `.env` of the project may decide a test."""
    for name in [name for name in os.environ if name.upper().startswith("BOOKING_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> LoadWith:
    return LoadWith(monkeypatch)
