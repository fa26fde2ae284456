"""Secrets from files: `NAME_FILE` names a file that holds what the variable `NAME` would.

It holds for every variable that is a secret, and for no other. A newline at the end is no part of
the secret; everything else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from app.settings.files import Unreadable, contents
from app.settings.section import Problem, Section

SUFFIX: Final = "_FILE"


@dataclass(frozen=True, slots=True)
class FromFiles:
    """The secrets of one section: `values` as its class takes them, by the names of its fields."""

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list)
    _good: set[str] = field(default_factory=set)
    _wrong: set[str] = field(default_factory=set)

    def refuse(self, variable: str, expected: str) -> None:
        """The file that was to hold this variable is of no use."""
        self._wrong.add(variable)
        self.problems.append(Problem(variable + SUFFIX, expected))

    def judged(self, problem: Problem) -> Problem | None:
        """The problem of a variable, told of its file; None when the file was told of already."""
        name = problem.variable
        if name in self._wrong:
            return None
        if name in self._good:
            expected = f"a file that holds {problem.expected}"
            return replace(problem, variable=name + SUFFIX, expected=expected)
        return problem


def secrets_from_files(kind: type[Section], named: Mapping[str, str]) -> FromFiles:
    """Read them; `named` are all variables that are set, in capitals."""
    found = FromFiles()
    for variable in kind.variables():
        in_file = variable.name + SUFFIX
        if not variable.is_secret or in_file not in named:
            continue
        if variable.name in named:
            found.refuse(variable.name, f"not to be set together with {variable.name}")
            continue
        try:
            secret = _secret(named[in_file])
        except Unreadable as why:
            found.refuse(variable.name, f"a file with the secret in it; {why}")
        else:
            found._good.add(variable.name)
            _put(found.values, variable.name.removeprefix(kind.prefix).lower(), secret)
    return found


def _secret(name: str) -> str:
    path = Path(name)
    try:
        text = contents(path).decode().rstrip("\r\n")
    except Unreadable as why:
        raise Unreadable(f"{_shown(path)} {why}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{_shown(path)} is no UTF-8 text") from None
    if not text:
        raise Unreadable(f"{_shown(path)} is empty")
    return text


def _shown(path: Path) -> str:
    """Its name, unless that may be the secret itself, set under the wrong variable."""
    try:
        lies_somewhere = path.is_absolute() and path.parent != Path("/") and path.parent.is_dir()
    except (OSError, ValueError):
        lies_somewhere = False
    return str(path) if lies_somewhere else "what is set (an absolute path would be shown)"


def _put(values: dict[str, Any], path: str, secret: str) -> None:
    *groups, name = path.split("__")
    for group in groups:
        values = values.setdefault(group, {})
    values[name] = secret
