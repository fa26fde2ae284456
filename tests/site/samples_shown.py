"""Puts parts of the samples into the pages that show them: `python -m tests.site.samples_shown`.

`<!-- sample: FILE PART -->` stands before the block; the part lies between the marks of that name.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.site.pages import REPOSITORY, pages

_SHOWN = re.compile(
    r"^<!-- sample: (\S+) (\S+) -->\n(```\w+\n)(.*?)^```$", re.MULTILINE | re.DOTALL
)


def marked(page: str) -> list[str]:
    """The blocks that are shown as parts of samples."""
    return [found[4] for found in _SHOWN.finditer(page)]


def shown_samples(page: str) -> str:
    """The page, with each block as its sample is now."""
    return _SHOWN.sub(
        lambda at: f"<!-- sample: {at[1]} {at[2]} -->\n{at[3]}{part(at[1], at[2])}```", page
    )


def part(file: str, name: str) -> str:
    """What lies between the marks, without the indentation that all of it has."""
    text = (REPOSITORY / "samples" / file).read_text()
    begins, ends = (rf"--8<-- \[{which}:{re.escape(name)}\]" for which in ("start", "end"))
    found = re.search(rf"{begins}\n(.*?)^[^\n]*{ends}", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"samples/{file} has no part {name}"
    return textwrap.dedent(found[1].replace("\t", "    ")).strip("\n") + "\n"


def main() -> None:
    """Write the pages anew."""
    for page in pages():
        _write(page)


def _write(page: Path) -> None:
    before = page.read_text()
    after = shown_samples(before)
    if after != before:
        page.write_text(after)


if __name__ == "__main__":
    main()
