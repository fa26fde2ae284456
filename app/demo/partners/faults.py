"""Faults that a test or a demo orders: what goes wrong, with which calls, how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How a call goes wrong; docs/partners.md has the table."""

    LATENCY = "latency"
    ERROR = "error"
    ERROR_AFTER_EFFECT = "error_after_effect"
    CUT_BEFORE_EFFECT = "cut_before_effect"
    CUT_AFTER_EFFECT = "cut_after_effect"
    SLOW_DRIP = "slow_drip"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Fault:
    """An order for the next `times` calls that match (None: for ever)."""

    kind: Kind
    call: str = "*"
    where: Mapping[str, Any] = field(default_factory=dict)
    times: int | None = 1
    seconds: float = 0.0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    garbage: str = "wrong_json"

    @classmethod
    def parse(cls, order: Mapping[str, Any]) -> Fault:
        """The order as it came in JSON; raises TypeError or ValueError when it makes no sense."""
        fault = cls(**{**order, "kind": Kind(order.get("kind", ""))})
        if fault.times is not None and fault.times < 1:
            raise ValueError(f"times must be 1 or more, or null for ever; got {fault.times}")
        return fault

    def matches(self, call: str, body: Mapping[str, Any]) -> bool:
        """True when the call has this name and all fields of `where` have these values."""
        return self.call in ("*", call) and all(
            body.get(name) == value for name, value in self.where.items()
        )


class Faults:
    """The orders that still stand, oldest first."""

    def __init__(self) -> None:
        self._standing: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Order one more."""
        self._standing.append((fault, fault.times))

    def withdraw(self, fault: Fault) -> None:
        """Take this very order back, if calls have not used it up."""
        self._standing = [standing for standing in self._standing if standing[0] is not fault]

    def clear(self) -> None:
        """Behave again."""
        self._standing.clear()

    def take(self, call: str, body: Mapping[str, Any]) -> Fault | None:
        """The first order that matches this call, counted down by one."""
        for place, (fault, left) in enumerate(self._standing):
            if fault.matches(call, body):
                if left is None:
                    return fault
                if left == 1:
                    del self._standing[place]
                else:
                    self._standing[place] = (fault, left - 1)
                return fault
        return None

    def __bool__(self) -> bool:
        return bool(self._standing)
