"""The document as a folder that any browser opens, also without a network: `index.html` first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

_VIEWER: Final = Path(__file__).parent / "viewer"
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' \
'unsafe-inline' 'unsafe-eval' file:; style-src 'self' 'unsafe-inline' file:; img-src data:">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="viewer.css">
<style>
.aui-root code::before, .aui-root code::after {{ content: none !important }}
</style>
</head>
<body>
<div id="document"></div>
<script id="asyncapi" type="application/json">{document}</script>
<script src="viewer.js"></script>
<script>
AsyncApiStandalone.render({{
  schema: JSON.parse(document.getElementById("asyncapi").textContent),
  config: {{
    show: {{ sidebar: true, errors: true }},
    sidebar: {{ showOperations: "byOperationsTags" }},
    expand: {{ messageExamples: true }},
    receiveLabel: "You send",
    sendLabel: "You read"
  }}
}}, document.getElementById("document"));
</script>
</body>
</html>
"""


class ViewerMissing(Exception):
    """The viewer was not fetched; the message says how to."""


def write_page(document: Mapping[str, Any], folder: Path) -> None:
    """Raises ViewerMissing, OSError."""
    if not (_VIEWER / "viewer.js").is_file():
        raise ViewerMissing(
            "the HTML viewer is not installed: run `make viewer` (it takes it from npm)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(_VIEWER, folder, dirs_exist_ok=True)
    page = _PAGE.format(title=escape(document["info"]["title"]), document=_embedded(document))
    (folder / "index.html").write_text(page, "utf-8")


def _embedded(document: Mapping[str, Any]) -> str:
    """As JSON that cannot end the script element around it."""
    return json.dumps(document, ensure_ascii=False).replace("<", "\\u003c")
