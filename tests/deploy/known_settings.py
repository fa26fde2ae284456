"""Which of the variables that a deployment sets the worker does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.settings.reading import ALL

# OpenTelemetry's own, as its specification names them.
_OF_OPENTELEMETRY: Final = frozenset(
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}
)


def strange_settings(names: Iterable[str]) -> list[str]:
    """Those that are no setting, and no file of a secret one."""
    known = {each.name for section in ALL for each in section.variables()}
    files = {
        f"{each.name}_FILE" for section in ALL for each in section.variables() if each.is_secret
    }
    return sorted(set(names) - known - files - _OF_OPENTELEMETRY)
