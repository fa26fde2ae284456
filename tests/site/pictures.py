"""The site's own rule for pictures, which mkdocs loads as a file and not as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.site.pages import DOCS

_SPEC = importlib.util.spec_from_file_location("pictures_of_site", DOCS / "site" / "pictures.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_hook = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_hook)


def picture_of(source: str) -> str:
    """The name of the picture of exactly this source."""
    name: str = _hook.picture_of(source)
    return name


def mermaid_blocks(page: Path) -> list[str]:
    """The sources of a page's diagrams."""
    found: list[str] = _hook.MERMAID.findall(page.read_text())
    return found
