"""Draws docs/site/pictures from the pages' Mermaid blocks: `python -m tests.site.draw`.

Needs npm, for Mermaid, and Chromium. The pictures lie in the repository, so that a build of the
site needs neither.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.site.pages import DOCS, pages
from tests.site.pictures import mermaid_blocks, picture_of

MERMAID = "mermaid@11.17.2"
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom")
PICTURES = DOCS / "site" / "pictures"

_PAGE = """<!doctype html><meta charset="utf-8"><body><script src="mermaid.min.js"></script><script>
mermaid.initialize({startOnLoad: false, theme: "neutral", htmlLabels: false,
  flowchart: {htmlLabels: false}, fontFamily: "sans-serif"});
(async () => {
  for (const [name, source] of SOURCES) {
    const {svg} = await mermaid.render("d" + name, source);
    const kept = document.createElement("script");
    kept.type = "text/plain"; kept.id = name;
    kept.textContent = btoa(unescape(encodeURIComponent(svg)));
    document.body.append(kept);
  }
})();
</script>"""
_DRAWN = re.compile(r'<script type="text/plain" id="([0-9a-f]{12})">([^<]*)</script>')


def main() -> None:
    """Draw all anew, and remove what no page shows any more."""
    sources = [block for page in pages() for block in mermaid_blocks(page)]
    named = [(picture_of(source).removesuffix(".svg"), source) for source in sources]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            ["npm", "pack", "--silent", MERMAID], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        with tarfile.open(next(folder.glob("*.tgz"))) as package:
            script = package.extractfile("package/dist/mermaid.min.js")
            assert script is not None
            (folder / "mermaid.min.js").write_bytes(script.read())
        (folder / "index.html").write_text(_PAGE.replace("SOURCES", json.dumps(named)))
        dom = subprocess.run(
            [*CHROMIUM, "--virtual-time-budget=20000", (folder / "index.html").as_uri()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    drawn = dict(_DRAWN.findall(dom))
    if missing := {name for name, _ in named} - drawn.keys():
        sys.exit(f"not drawn: {', '.join(sorted(missing))}")
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    for name, encoded in drawn.items():
        (PICTURES / f"{name}.svg").write_bytes(base64.b64decode(encoded) + b"\n")


if __name__ == "__main__":
    main()
