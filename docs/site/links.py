"""Lists all decisions in the menu; takes the samples along, which lie outside of docs/."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>(?:\.\./)+[^)#]+)(?P<anchor>#[^)]*)?\)")
_ALONG = "samples"


def on_config(config: Any, **_: Any) -> Any:
    """Fill in the section of decisions."""
    docs = Path(config.docs_dir)
    for entry in config.nav:
        for title, pages in entry.items() if isinstance(entry, dict) else ():
            if pages == ["decisions/"]:
                found = sorted((docs / "decisions").glob("*.md"))
                entry[title] = [page.relative_to(docs).as_posix() for page in found]
    return config


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    """The samples, as they are; their README is told by publishing.md."""
    root = Path(config.docs_dir).parent
    for name in _tracked(root / _ALONG):
        uri = name.relative_to(root).as_posix()
        files.append(File.generated(config, uri, abs_src_path=str(name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links to the samples lead to where they lie in the site; others that leave docs/, nowhere."""

    def inside(link: re.Match[str]) -> str:
        here = posixpath.dirname(page.file.src_uri)
        target = posixpath.normpath(posixpath.join("docs", here, link["path"]))
        if target.startswith("docs/"):
            return link[0]
        if target.startswith(f"{_ALONG}/"):
            return f"[{link['text']}]({posixpath.relpath(target, here or '.')})"
        return f"{link['text']} (`{target}` in the repository)"

    return _LINK.sub(inside, markdown)


def _tracked(folder: Path) -> list[Path]:
    left_out = {"node_modules", "target", "__pycache__"}
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".md" and not left_out & set(path.parts)
    ]
