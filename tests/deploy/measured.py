"""The names and labels that Prometheus sees, made from the one table of measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from schemas.measures import MEASURES, Measure, Shape

_UNITS: Final = {"s": "_seconds"}  # a count's unit stands in braces and gives nothing
_OF_THE_TARGET: Final = frozenset({"instance", "job", "pod", "namespace"})
_SELECTED: Final = re.compile(r"\b(booking_[a-z_]+)\s*(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPED: Final = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


def series(measure: Measure) -> dict[str, frozenset[str]]:
    """The names under which a measure is scraped, each with its labels."""
    name = measure.name.replace(".", "_") + _UNITS.get(measure.unit, "")
    labels = frozenset(measure.labels) | _OF_THE_TARGET
    match measure.shape:
        case Shape.COUNTER:
            return {f"{name}_total": labels}
        case Shape.GAUGE:
            return {name: labels}
        case Shape.HISTOGRAM:
            return {
                f"{name}_bucket": labels | {"le"},
                f"{name}_sum": labels,
                f"{name}_count": labels,
            }


ALL_SERIES: Final[Mapping[str, frozenset[str]]] = {
    name: labels for measure in MEASURES for name, labels in series(measure).items()
}


def strangers(expression: str) -> Iterator[str]:
    """What a PromQL expression asks for that no worker tells: names, labels."""
    allowed: set[str] = set()
    bare = re.sub(r'"[^"]*"', '""', expression)
    for name, matchers in _SELECTED.findall(expression):
        if name not in ALL_SERIES:
            yield name
            continue
        allowed |= ALL_SERIES[name]
        for label, _ in _MATCHER.findall(matchers):
            if label not in ALL_SERIES[name]:
                yield f"{name}{{{label}}}"
    for group in _GROUPED.findall(bare):
        for label in filter(None, re.split(r"[\s,]+", group)):
            if label not in allowed:
                yield f"by ({label})"
