"""Every committed input, through the real pipeline of each topic that it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz.corpus import CORPUS, everything
from tests.fuzz.targets import TARGETS

CASES = [
    pytest.param(target, text, id=f"{target}-{name}".replace("/", "-"))
    for target, name, text in everything()
]


@pytest.mark.parametrize(("target", "text"), CASES)
def test_nobody_is_hurt_by(target: str, text: bytes) -> None:
    TARGETS[target](text)


def test_the_inputs_are_small_and_their_names_say_what_they_are() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(files) > 300
    assert all(path.stat().st_size < 32 * 1024 for path in files)
    assert not [path for path in files if not re.fullmatch("[a-z0-9_]+", path.name)]


def test_no_input_stands_there_twice() -> None:
    seen: dict[bytes, Path] = {}
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            text = path.read_bytes()
            assert text not in seen, f"{path} is {seen[text]}"
            seen[text] = path
