"""The runbook names only commands that there are, and has a section for each alert and no other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli.application import application
from tests.deploy.test_alerts import rules

REPOSITORY = Path(__file__).parents[2]
RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()
SECTIONS = re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[str]:
    """Every `booking …` in code: of a console, or in the middle of a sentence."""
    yield from re.findall(r"^\$ (booking .*)$", text, re.MULTILINE)
    yield from (found for found in re.findall(r"`(booking [^`]*)`", text) if "…" not in found)


def strange_word(command: str) -> str | None:
    """The first word that the command line does not know; None when it would run."""
    _, *words = shlex.split(command)
    now: Any = get_command(application)
    while words and getattr(now, "commands", None):
        if (word := words.pop(0)) not in now.commands:
            return word
        now = now.commands[word]
    known = {option for parameter in now.params for option in parameter.opts}
    return next((word for word in words if word.startswith("-") and word not in known), None)


def test_there_is_one_section_for_each_alert() -> None:
    assert sorted(name for name, _ in SECTIONS) == sorted(rule["alert"] for rule in rules())


@pytest.mark.parametrize(("name", "text"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_each_section_says_what_it_means_what_users_see_and_what_to_do(
    name: str, text: str
) -> None:
    for part in ("Means", "Users see", "end", "revent"):
        assert re.search(rf"\*\*\w?{part}", text), part
    assert "```" in text, "something to run"


@pytest.mark.parametrize("command", sorted(set(commands(RUNBOOK))))
def test_each_command_is_one_that_there_is(command: str) -> None:
    assert strange_word(command) is None


def test_a_command_or_an_option_that_there_is_not_is_found() -> None:
    assert strange_word("booking undo settle --all") == "settle"
    assert strange_word("booking dlq list --all") == "--all"


def test_lines_of_the_log_are_those_that_are_written() -> None:
    quoted = [
        line
        for several in re.findall(r"[Tt]he log has ((?:`[^`]+`(?:, | or )?)+)", RUNBOOK)
        for line in re.findall(r"`([^`]+)`", several)
    ]
    code = "".join(
        path.read_text()
        for folder in ("app", "adapters", "handlers")
        for path in (REPOSITORY / folder).rglob("*.py")
    )
    assert quoted
    assert [line for line in quoted if f'("{line}"' not in code] == []


def test_each_link_to_a_section_leads_somewhere() -> None:
    headings = {name.lower() for name, _ in SECTIONS}
    assert set(re.findall(r"\]\(#(\w+)\)", RUNBOOK)) <= headings
