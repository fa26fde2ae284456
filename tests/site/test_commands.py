"""Every command that a page shows exists, with its options; test_pages_run.py runs many."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import typer
import typer.main
from typer._click.exceptions import MissingParameter
from typer.core import TyperGroup

from app.cli.application import application
from tests.site.blocks import blocks, shell_lines, words
from tests.site.pages import REPOSITORY, all_pages

# Programs of others that pages name, and who shows that these lines are right.
OF_OTHERS = {
    "helm": "tests of the chart render it",
    "kubectl": "needs a cluster; what it runs of ours is looked at",
    "kafka-consumer-groups.sh": "Kafka's own",
    "docker": "needs an engine: docs/docker.md says what was tried",
    "openssl": "tests/app/cli/test_token_keys.py reads keys of each of its kinds",
    "pip": "tests/samples installs the same packages from the lock",
    "mvn": "tests/samples",
    "npm": "tests/samples",
    "go": "tests/samples",
    "python": "a module of ours, or tests/samples",
    "java": "tests/samples",
}
NO_COMMANDS = {"booking audit 1"}  # the text with which a chain begins
_OURS = {"booking", "make"}
_PLACEHOLDERS = {"ID": "5f0c6c0e-3c1e-4c57-9a55-0b6d5d7d6b1a"}
_SET = re.compile(r"^[A-Z][A-Z_0-9]*=")
_ENDS = {"|", "||", "&", "&&", ";"}
_TO_FILES = {">", ">>", "<"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A command on a page; within the text it may lack what it is about: `booking why --json`."""

    page: str
    words: list[str]
    is_whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"[:90]


def _shown() -> Iterator[Shown]:
    """Those inside of others too."""
    for page in all_pages():
        name = page.relative_to(REPOSITORY).as_posix()
        for block in blocks(page):
            for line in shell_lines(block.text) if block.language in ("sh", "console", "") else ():
                if block.language == "console" and not line.startswith("$ "):
                    continue  # what the command above it printed
                for command in _commands(line, is_shell=block.language != ""):
                    yield Shown(name, command, is_whole=True)
        for word in words(page):
            for one in _alternatives(word) if word not in NO_COMMANDS else ():
                for command in _commands(one, is_shell=False):
                    yield Shown(name, command, is_whole=False)


def _alternatives(word: str) -> Iterator[str]:
    """`undo list|retry` are two commands."""
    found = re.search(r"(?<= )[a-z|]+\|[a-z|]+", word)
    for choice in found[0].split("|") if found else ():
        yield f"{word[: found.start()]}{choice}{word[found.end() :]}"  # type: ignore[union-attr]
    if not found:
        yield word


def _commands(line: str, *, is_shell: bool) -> Iterator[list[str]]:
    """The commands of a line; where it may be anything, only what begins like one of ours."""
    line = line.removeprefix("$ ")
    starts = line.split(maxsplit=1)[0] if line.split() else ""
    if not is_shell and starts not in _OURS and not re.match(r"BOOKING_\S+=\S* booking ", line):
        return
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from _commands(inner, is_shell=is_shell)
    line = re.sub(r"\$\([^()]*\)", "INNER", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    tokens = [*lexer, ";"]
    for before, token in zip(["", *tokens], tokens, strict=False):
        if token in _ENDS:
            if command:
                yield command
            command = []
        elif not {token, before} & _TO_FILES and (command or not _SET.match(token)):
            command.append(token)


_NAMES_ALONE = (["make"], ["booking"], ["booking", "…"])
SHOWN = [each for each in _shown() if each.words not in _NAMES_ALONE]


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_a_command_that_a_page_shows_exists(shown: Shown) -> None:
    program, *arguments = shown.words
    if program == "booking":
        with suppress(*() if shown.is_whole else (MissingParameter,)):
            _parsed([_PLACEHOLDERS.get(word, word) for word in arguments])
    elif program == "make":
        targets = [word for word in arguments if "=" not in word]
        assert targets, "make what?"
        assert set(targets) <= _targets()
    elif program == "python" and arguments[:1] == ["-m"]:
        assert importlib.util.find_spec(arguments[1]) is not None
    else:
        assert program in OF_OTHERS, f"who tests {program}?"
        _, _, inside = shlex.join(arguments).partition(" -- booking ")
        _parsed(shlex.split(inside))  # kubectl exec … -- booking health


def test_a_wrong_command_would_be_seen() -> None:
    for wrong in ("replay --dryrun", "reply", "audit verify --pruned", "topics drop", "why A B"):
        with pytest.raises(typer.TyperException):
            _parsed(shlex.split(wrong))


def _parsed(arguments: list[str]) -> None:
    """Raises where the command line would refuse it; the name of a group may stand alone."""
    command = typer.main.get_command(application)
    context = typer.Context(command, info_name="booking")
    while isinstance(command, TyperGroup) and arguments and not arguments[0].startswith("-"):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command, context = found, typer.Context(found, info_name=name, parent=context)
    if arguments:
        with suppress(typer.Exit):  # --help and --version end here
            command.make_context(context.info_name, arguments, parent=context.parent)


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
