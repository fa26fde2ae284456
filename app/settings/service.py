"""The service itself: its environment, its own keys, its pulse, its log, where replies may go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import CommaSeparated, SealKey, seal_keys, secrets

_DEVELOPMENT_SIGNING_KEY: Final = "development only: everybody knows this key"
_DEVELOPMENT_SEAL_KEYS: Final = "development:" + "ZGV2ZWxvcG1lbnQgb25seTogZXZlcnlib2R5IGtub3c="
_SIGNING: Final = "a secret of 32 characters or more"
_ACCEPTED: Final = "secrets of 32 characters or more, separated by commas"
_SHORTEST: Final = 32
_SEAL: Final = "id:base64 of 32 bytes, several separated by commas, the current one first"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class ServiceSection(Section, prefix="BOOKING_"):
    """What decides how strict all the others are."""

    environment: Environment = setting(
        "development or production",
        "Production refuses what is convenient and unsafe",
        "development",
    )


def _accepted(text: SecretStr) -> SecretStr:
    secrets(text.get_secret_value(), _SHORTEST)
    return text


class SigningSection(Section, prefix="BOOKING_SIGNING__"):
    """What proves that a record is the service's own."""

    key: Annotated[SecretStr, Field(min_length=_SHORTEST)] | None = setting(
        _SIGNING,
        "Signs the service's own records; the same for all workers",
        None,
        "fixed in development, required in production",
    )
    accepted_keys: Annotated[SecretStr, AfterValidator(_accepted)] | None = setting(
        _ACCEPTED,
        "Sign nothing, but are believed: the next key before it signs, the last one after",
        None,
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        if self.key is None and environment is Environment.PRODUCTION:
            yield Problem(f"{self.prefix}KEY", f"{_SIGNING}, in production", is_missing=True)

    def notices(self, environment: Environment) -> Iterator[str]:
        if self.key is None:
            yield f"{self.prefix}KEY is not set: anybody can sign as this service"

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The first signs, any of them is believed."""
        own = self.key.get_secret_value() if self.key else _DEVELOPMENT_SIGNING_KEY
        accepted = self.accepted_keys.get_secret_value() if self.accepted_keys else ""
        others = secrets(accepted, _SHORTEST) if accepted else ()
        return tuple(dict.fromkeys(secret.encode() for secret in (own, *others)))


def _sealing(text: SecretStr) -> SecretStr:
    seal_keys(text.get_secret_value())
    return text


class SealSection(Section, prefix="BOOKING_SEAL__"):
    """What keeps personal data in events from everybody else."""

    keys: Annotated[SecretStr, AfterValidator(_sealing)] | None = setting(
        _SEAL,
        "Seal what is personal in events; a retired key stays in the list for what it sealed",
        None,
        "fixed in development, required in production",
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        if self.keys is None and environment is Environment.PRODUCTION:
            yield Problem(f"{self.prefix}KEYS", f"{_SEAL}, in production", is_missing=True)

    def notices(self, environment: Environment) -> Iterator[str]:
        if self.keys is None:
            yield f"{self.prefix}KEYS is not set: anybody can open what is sealed"

    @property
    def seal_keys(self) -> tuple[SealKey, ...]:
        return seal_keys(self.keys.get_secret_value() if self.keys else _DEVELOPMENT_SEAL_KEYS)


class RepliesSection(Section, prefix="BOOKING_REPLIES__"):
    """Where clients may have their replies sent to."""

    allowed_prefixes: CommaSeparated = setting(
        "topic names separated by commas",
        "Replies go to these topics and to what continues them after a dot, nowhere else",
        (),
        "the topic of replies",
    )


class HealthSection(Section, prefix="BOOKING_HEALTH__"):
    """How others see whether the worker is well."""

    file: Path | None = setting(
        "a path that the worker may write", "The worker's pulse, for `booking health`", None
    )


def _in_capitals(word: object) -> object:
    return word.upper() if isinstance(word, str) else word


class LogSection(Section, prefix="BOOKING_LOG__"):
    """What the worker says about itself (docs/logs.md)."""

    level: Annotated[LogLevel, BeforeValidator(_in_capitals)] = setting(
        "DEBUG, INFO, WARNING or ERROR", "What is worth a line", "INFO"
    )
    format: Literal["json", "console"] | None = setting(
        "json or console", "For programs or for people", None, "console on a terminal, else json"
    )
    sample_successes: Annotated[float, Field(ge=0, le=1)] = setting(
        "a share from 0 to 1",
        "How many of the commands that succeed get a line; those that do not always do",
        1.0,
    )


class MetricsSection(Section, prefix="BOOKING_METRICS__"):
    """Figures for Prometheus (docs/metrics.md). Where OTLP goes to is set by OpenTelemetry's own
    variables (docs/tracing.md).
    """

    port: Annotated[int, Field(ge=1, le=65535)] | None = setting(
        "a port", "Prometheus may fetch figures there, at /metrics", None, "off"
    )
    host: str = setting(
        "an address of this machine",
        "Where that port is open; nothing personal is to be had there",
        "0.0.0.0",  # noqa: S104 - whoever sets a port wants it to be reached from elsewhere
    )
