"""Puts a picture in the place of each Mermaid block: to draw them in the browser, the theme would
fetch Mermaid from another host. `python -m tests.site.draw` makes the pictures.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
import re
from pathlib import Path
from typing import Any

MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURES = "site/pictures"

_log = logging.getLogger("mkdocs.hooks.pictures")  # under mkdocs: --strict counts its warnings


def picture_of(source: str) -> str:
    """The name of the picture of exactly this source."""
    return f"{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg"


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """The page with pictures."""

    def picture(block: re.Match[str]) -> str:
        name = picture_of(block[1])
        if not (Path(config.docs_dir) / PICTURES / name).exists():
            _log.warning("%s: a diagram is not drawn: python -m tests.site.draw", page.file.src_uri)
        where = posixpath.relpath(f"{PICTURES}/{name}", posixpath.dirname(page.file.src_uri) or ".")
        return f"![The diagram]({where})"

    return MERMAID.sub(picture, markdown)
