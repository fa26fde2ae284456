"""What is aimed at on two cores, and whether a run has reached it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Target:
    """Of one figure's median: at most so much, or at least."""

    figure: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def aim(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:,g}"
        return f"at least {self.at_least:,g}"

    def is_reached_by(self, value: float) -> bool:
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )


TARGETS: Final = (
    Target("creates: worker / floor: times CPU ms each", at_most=2.0),
    Target("creates: worker: a second", at_least=1000),
    Target("textbook: textbook / worker: times CPU ms each", at_least=15),
    Target("lone: worker: p50 ms", at_most=30),
    Target("lone: worker: p99 ms", at_most=80),
    Target("queries: by id: a second", at_least=3000),
    Target("queries: by reference: a second", at_least=3000),
    Target("slow-partners: 50 ms a call: a second", at_least=800),
    *(
        Target(f"growth: 10,000,000 {what} / 0 {what}: times a second", at_least=0.85)
        for what in ("many venues", "one venue", "by id")
    ),
    Target("recovery: rebuild: a second", at_least=8000),
    Target("memory: worker: most MB", at_most=250),
    Target("memory: worker: % more in the second half", at_most=5),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was found; `found` is None where nothing was measured for it."""

    target: Target
    found: float | None

    @property
    def word(self) -> str:
        if self.found is None:
            return "not measured"
        return "reached" if self.target.is_reached_by(self.found) else "missed"

    def as_json(self) -> dict[str, Any]:
        target = self.target
        return {
            "figure": target.figure,
            "at_most": target.at_most,
            "at_least": target.at_least,
            "found": self.found,
            "verdict": self.word,
        }


def judged(targets: Sequence[Target], figures: Sequence[Figure]) -> list[Verdict]:
    """Each target's verdict, also of those that this run has not measured."""
    found = {each.id: each.median for each in figures}
    return [Verdict(each, found.get(each.figure)) for each in targets]
