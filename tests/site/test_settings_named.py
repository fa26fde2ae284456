"""Every setting that a page names is one."""

from __future__ import annotations

import re

from app.local_servers import named
from app.settings.reading import ALL
from tests.site.pages import REPOSITORY, all_pages

_NAMED = re.compile(r"\bBOOKING_[A-Z0-9_]*[A-Z0-9_<*]")
_OF_TESTS = {named.KAFKA, named.DATABASE, "BOOKING_TEST_TOOLS"}


def test_every_setting_that_a_page_names_is_one() -> None:
    settings = {each.name for section in ALL for each in section.variables()} | _OF_TESTS
    files = {
        f"{each.name}_FILE" for section in ALL for each in section.variables() if each.is_secret
    }
    unknown = [
        f"{page.relative_to(REPOSITORY)}: {name}"
        for page in all_pages()
        for name in _NAMED.findall(page.read_text())
        if name not in settings | files and not _is_of_many(name, settings)
    ]
    assert unknown == []


def _is_of_many(name: str, settings: set[str]) -> bool:
    """`BOOKING_KAFKA__*` and `BOOKING_RULES__REFUND__<VENUE_TYPE>` stand for several."""
    begins = name.rstrip("<*")
    return begins != name and any(each.startswith(begins) for each in settings)
