"""The page on settings is made from the code."""

from __future__ import annotations

from pathlib import Path

from app.settings.documentation import settings_page


def test_the_page_and_the_code_are_in_step() -> None:
    page = Path(__file__).parents[3] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page()
