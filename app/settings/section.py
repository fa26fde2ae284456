"""A group of variables with one prefix, and what each expects: for errors, hints and the docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the service runs; production refuses what is convenient and unsafe."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, described."""

    name: str
    expected: str
    meaning: str
    default: str | None  # None: there is none
    is_required: bool
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable that is wrong or missing; `expected` says what would be right, never what was."""

    variable: str
    expected: str
    is_missing: bool = False

    def __str__(self) -> str:
        verb = "is missing" if self.is_missing else "is wrong"
        return f"{self.variable} {verb}: expected {self.expected}"


def setting(expected: str, meaning: str, default: Any = ..., shown: str | None = None) -> Any:
    """A variable that expects `expected`; `shown` is its default as the docs word it."""
    return Field(
        default, description=meaning, json_schema_extra={"expected": expected, "shown": shown}
    )


class Section(BaseSettings):
    """Read from variables that begin with `prefix`; what is set to nothing counts as not set.

    Values are taken as they are written and never as JSON. Errors carry no input: it may be secret.
    """

    prefix: ClassVar[str]

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",  # `.env` holds the other sections too
        env_file=".env",
        env_file_encoding="utf-8",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        enable_decoding=False,
        hide_input_in_errors=True,
    )

    def __init_subclass__(cls, prefix: str = "", **options: Any) -> None:
        cls.prefix = prefix
        cls.model_config = SettingsConfigDict(**{**cls.model_config, "env_prefix": prefix})
        super().__init_subclass__(**options)

    def problems(self, environment: Environment) -> Iterator[Problem]:
        """What is wrong only together with another variable or in this environment."""
        yield from ()

    def notices(self, environment: Environment) -> Iterator[str]:
        """What has to be said loudly at start."""
        yield from ()

    @classmethod
    def variables(cls) -> Iterator[Variable]:
        """All variables of the section, in the order they are declared."""
        return _variables(cls.prefix, cls)

    @classmethod
    def expectation(cls, path: tuple[str, ...]) -> str:
        """What the field at `path` expects, in words."""
        model: type[BaseModel] = cls
        words = "a valid value"
        for step in path:
            field = model.model_fields.get(step)
            if field is None:
                break
            words = _extra(field)["expected"] or words
            if _is_group(field):
                model = field.annotation  # type: ignore[assignment]  # _is_group saw a model class
        return words


def _variables(prefix: str, model: type[BaseModel]) -> Iterator[Variable]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        if _is_group(field):
            yield from _variables(f"{variable}__", field.annotation)  # type: ignore[arg-type]  # a model class
        else:
            extra = _extra(field)
            yield Variable(
                variable,
                extra["expected"],
                field.description or "",
                extra["shown"] or _as_written(field),
                field.is_required(),
                "SecretStr" in str(field.annotation),
            )


def _is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {"expected": None, "shown": None}


def _as_written(field: FieldInfo) -> str | None:
    default = field.default
    if field.is_required() or default is None or isinstance(default, SecretStr):
        return None
    return f"{default:g}" if isinstance(default, float) else str(default)
