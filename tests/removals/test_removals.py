"""The list cannot rot: what is to be removed is still there, and so is who has to notice."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.removals.guards import REMOVALS
from tests.removals.removal import Removal

ROOT = Path(__file__).parents[2]

each_removal = pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)


@each_removal
def test_what_is_removed_stands_exactly_once_in_its_file(removal: Removal) -> None:
    assert removal.edits
    missing = [edit for edit in removal.edits if not edit.is_found_in(ROOT)]
    assert not missing


@each_removal
def test_what_is_left_without_the_guard_is_still_python(removal: Removal) -> None:
    for edit in removal.edits:
        text = (ROOT / edit.file).read_text()
        compile(text.replace(edit.old, edit.new), edit.file, "exec")


@each_removal
def test_the_tests_that_must_notice_exist(removal: Removal) -> None:
    assert removal.noticed_by
    for name in removal.noticed_by:
        file, _, function = name.partition("::")
        assert (ROOT / file).is_file(), name
        assert not function or f"def {function}(" in (ROOT / file).read_text(), name
    re.compile(removal.says)


@each_removal
def test_the_page_on_reliability_lists_it(removal: Removal) -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    _, _, section = page.partition("\n## Taken away one at a time\n")
    rows = [line for line in section.splitlines() if line.startswith(f"| {removal.name} |")]
    assert len(rows) == 1
    for name in removal.noticed_by:
        assert f"`{name.partition('::')[0]}`" in rows[0]


def test_every_name_stands_for_one_guard() -> None:
    names = Counter(removal.name for removal in REMOVALS)
    assert set(names.values()) == {1}
