"""Writes docs/lifecycle.md: `python -m tests.domain.write_lifecycle_page`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from domain.lifecycle_page import lifecycle_page

PAGE: Final = Path(__file__).parents[2] / "docs" / "lifecycle.md"

if __name__ == "__main__":
    PAGE.write_text(lifecycle_page(), encoding="utf-8")
