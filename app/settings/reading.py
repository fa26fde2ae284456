"""From variables to sections, or to one line for each variable that is wrong or missing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError

from app.failures import WrongUse
from app.settings.audit import AuditSection
from app.settings.auth import AuthSection
from app.settings.cache import CacheSection
from app.settings.database import DatabaseSection
from app.settings.kafka import KafkaSection
from app.settings.limits import LimitsSection
from app.settings.partners import InventorySection, PaymentSection, PricingSection
from app.settings.retention import RetentionSection
from app.settings.rules import RulesSection
from app.settings.secret_files import SUFFIX, FromFiles, secrets_from_files
from app.settings.section import Environment, Problem, Section
from app.settings.service import (
    HealthSection,
    LogSection,
    MetricsSection,
    RepliesSection,
    SealSection,
    ServiceSection,
    SigningSection,
)

ALL: Final[tuple[type[Section], ...]] = (
    ServiceSection,
    SigningSection,
    SealSection,
    AuditSection,
    KafkaSection,
    DatabaseSection,
    InventorySection,
    PricingSection,
    PaymentSection,
    AuthSection,
    RulesSection,
    LimitsSection,
    RetentionSection,
    CacheSection,
    RepliesSection,
    HealthSection,
    LogSection,
    MetricsSection,
)
"""Every section, in the order of the documentation."""

_PREFIX: Final = "BOOKING_"
_OF_THE_TESTS: Final = "BOOKING_TEST_"

S = TypeVar("S", bound=Section)


class SettingsError(WrongUse):
    """What stops the service from starting; `problems` has one for each variable."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Reading:
    """Sections that were read without a problem, and what has to be said about them."""

    environment: Environment
    notices: tuple[str, ...]
    _sections: tuple[Section, ...]

    def __getitem__(self, kind: type[S]) -> S:
        return next(section for section in self._sections if isinstance(section, kind))


def read(*kinds: type[Section]) -> Reading:
    """Read these sections from the environment and `.env`; the environment wins.

    Raises SettingsError naming everything that is wrong, not only the first.
    """
    named = _named()
    problems: list[Problem] = []
    sections: list[tuple[Section, FromFiles]] = []
    asked: tuple[type[Section], ...] = (ServiceSection, *kinds)
    for kind in dict.fromkeys(asked):
        files = secrets_from_files(kind, named)
        problems += files.problems
        try:
            sections.append((kind(**files.values), files))
        except ValidationError as error:
            problems += filter(None, map(files.judged, _problems(kind, error)))
    # What is forbidden in production alone is not asked before it is clear where this is.
    if sections and isinstance(service := sections[0][0], ServiceSection):
        environment = service.environment
        for section, files in sections:
            problems += filter(None, map(files.judged, section.problems(environment)))
        if not problems:
            read_ = tuple(section for section, _ in sections)
            notices = [said for section in read_ for said in section.notices(environment)]
            return Reading(environment, (*notices, *_unknown_names(named)), read_)
    raise SettingsError(problems)


def _problems(kind: type[Section], error: ValidationError) -> Iterator[Problem]:
    """One for each variable, without the value that stands in it."""
    seen: set[str] = set()
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = tuple(str(step) for step in one["loc"] if isinstance(step, str))
        variable = _variable(kind, path)
        if variable not in seen:
            seen.add(variable)
            yield Problem(variable, kind.expectation(path), one["type"] == "missing")


def _variable(kind: type[Section], path: tuple[str, ...]) -> str:
    """Pydantic's path may end in parts of a type; the longest part that is a variable counts."""
    known = {variable.name for variable in kind.variables()}
    names = [kind.prefix + "__".join(path[:end]).upper() for end in range(len(path), 0, -1)]
    return next((name for name in names if name in known), names[-1])


def _named() -> Mapping[str, str]:
    """What is set in the environment or else in `.env`, by names in capitals."""
    try:
        in_file = dotenv_values(".env", encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError([Problem(".env", "a file of UTF-8 text that can be read")]) from None
    both = (*in_file.items(), *os.environ.items())
    return {name.upper(): value for name, value in both if value}


def _unknown_names(named: Iterable[str]) -> Iterator[str]:
    """A misspelt variable would otherwise be silent; those of the tests are not ours."""
    variables = [variable for section in ALL for variable in section.variables()]
    known = [variable.name for variable in variables]
    known += [variable.name + SUFFIX for variable in variables if variable.is_secret]
    for name in sorted(set(named).difference(known)):
        if name.startswith(_PREFIX) and not name.startswith(_OF_THE_TESTS):
            nearest = get_close_matches(name, known, n=1, cutoff=0)
            yield f"{name} is not a setting and is ignored; the nearest one is {nearest[0]}"
