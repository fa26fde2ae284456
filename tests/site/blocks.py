"""What a page shows as code: its blocks, and the words within its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import markdown

from tests.site.pages import REPOSITORY

_BLOCK = re.compile(
    r'<pre><code(?: class="language-(?P<language>\w+)")?>(?P<text>.*?)</code></pre>', re.DOTALL
)
_WORDS = re.compile(r"<code>(.*?)</code>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; one without a language is mostly what a program printed."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:50]}"


def blocks(page: Path) -> list[Block]:
    """Fenced and indented ones, in their order."""
    return [
        Block(_name(page), found["language"] or "", unescape(found["text"]))
        for found in _BLOCK.finditer(_html(page))
    ]


def words(page: Path) -> list[str]:
    """What stands in backticks within the text."""
    text = _BLOCK.sub("", _html(page))
    return [re.sub(r"\s+", " ", unescape(found)) for found in _WORDS.findall(text)]


def shell_lines(text: str) -> Iterator[str]:
    """Lines as a shell takes them: continued ones, and those within quotes, are one."""
    held = ""
    for line in text.splitlines():
        held = f"{held.removesuffix(chr(92))} {line.strip()}".strip()
        if not line.endswith("\\") and held.count("'") % 2 == 0:
            if held:
                yield held
            held = ""


def _html(page: Path) -> str:
    return str(markdown.markdown(page.read_text(), extensions=["fenced_code", "tables"]))


def _name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()
