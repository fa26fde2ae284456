"""The site builds without a warning, leads to every page, and asks no other host for anything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.site.pages import DOCS, README, REPOSITORY, pages
from tests.site.pictures import mermaid_blocks, picture_of
from tests.tools import tool

_FETCHED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?"
    r"\b(?:src|srcset|href|data)=[\"']?(?P<where>[^\"'\s>]+)"
)
_IN_CSS = re.compile(r"url\([\"']?(?P<where>[^\"')]+)|@import\s+[\"'](?P<imported>[^\"']+)")
_ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//")
_RELATIVE = re.compile(r"\]\((?![a-z]+:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")

_OFFLINE = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
    "--virtual-time-budget=10000",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# What the theme's script would fetch, and why it never does here.
NOT_FETCHED = {
    "https://unpkg.com/mermaid@11/dist/mermaid.min.js": "no page holds a diagram, but its picture",
    "https://unpkg.com/resize-observer-polyfill": "for browsers of before 2020",
    "https://api.github.com/repos/": "no repository is named",
    "https://api.github.com/users/": "no repository is named",
}


def test_the_menu_leads_to_every_page(site: Path) -> None:
    home = (site / "index.html").read_text()
    for page in pages():
        built = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert f'href="{built}"' in home, f"{built} is not in the nav of mkdocs.yml"


def test_no_page_or_style_asks_another_host(site: Path) -> None:
    asked = [
        (path.name, found["where"])
        for path in site.rglob("*.html")
        for found in _FETCHED.finditer(path.read_text())
        if _ELSEWHERE.match(found["where"])
    ] + [
        (path.name, found["where"] or found["imported"])
        for path in site.rglob("*.css")
        for found in _IN_CSS.finditer(path.read_text())
        if _ELSEWHERE.match(found["where"] or found["imported"])
    ]
    assert asked == []


def test_scripts_know_no_host_but_those_that_are_never_asked(site: Path) -> None:
    calls = re.compile(r"[\"'`](https?://[\w.-]+(?:/[\w@./-]*)?)(?=[\"'`$])")
    known = {
        address
        for path in site.rglob("*.js")
        if path.parent.name == "javascripts"
        for address in calls.findall(path.read_text())
        if "w3.org" not in address
    }
    assert known == NOT_FETCHED.keys()
    assert not any('class="mermaid"' in page.read_text() for page in site.rglob("*.html"))


def test_the_search_finds_without_a_server(site: Path) -> None:
    told = subprocess.run(
        [tool("chromium"), *_OFFLINE, (site / "index.html").as_uri() + "?q=redrive"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    results = re.search(r'class="md-search-result__meta">\s*(\d+) matching', told)
    assert results is not None, "the search says nothing"
    assert int(results[1]) >= 1
    assert 'href="recovery.html' in told.split("md-search-result__list")[1]


def test_every_diagram_is_drawn_and_no_picture_is_left_over() -> None:
    shown = {picture_of(source) for page in pages() for source in mermaid_blocks(page)}
    drawn = {path.name for path in (DOCS / "site" / "pictures").iterdir()}
    assert drawn == shown, "run python -m tests.site.draw"


def test_links_work_where_the_pages_lie_too() -> None:
    for page in [README, REPOSITORY / "samples" / "README.md", *pages()]:
        for link in _RELATIVE.finditer(page.read_text()):
            target = (page.parent / link["path"]) if link["path"] else page
            assert target.exists(), f"{page.name} links to {link['path']}"
            if link["anchor"]:
                assert link["anchor"] in _anchors(target), f"{page.name}: #{link['anchor']}"


def _anchors(page: Path) -> set[str]:
    """As the repository's web view makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
