"""The pages that people read: README, docs/ and the samples' own page."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"


def pages() -> list[Path]:
    """The pages of the site."""
    return sorted(DOCS.rglob("*.md"))


def all_pages() -> list[Path]:
    """Those, and the ones beside it."""
    return [README, REPOSITORY / "samples" / "README.md", *pages()]
