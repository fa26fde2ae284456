"""The figures of an answer: each with every value that was measured, its median and its spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run gave: quantities by name, and all that should not have been; `course` is how one
    of them went, as minutes and values.
    """

    quantities: Mapping[str, float]
    wrong: Sequence[str] = ()
    course: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """How one thing stands to another, taken round by round: both ran in the same minute."""

    of: str
    to: str
    quantity: str

    @property
    def subject(self) -> str:
        return f"{self.of} / {self.to}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of one subject, in the order in which it was measured."""

    question: str
    subject: str
    quantity: str
    values: tuple[float, ...]

    @property
    def id(self) -> str:
        return f"{self.question}: {self.subject}: {self.quantity}"

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def as_json(self) -> dict[str, Any]:
        lowest, highest = self.spread
        return {
            "question": self.question,
            "subject": self.subject,
            "quantity": self.quantity,
            "median": self.median,
            "lowest": lowest,
            "highest": highest,
            "values": list(self.values),
        }


@dataclass(slots=True)
class Answer:
    """What came out of a question, run by run."""

    question: str
    ratios: Sequence[Ratio] = ()
    runs: dict[str, list[Measurement]] = field(default_factory=dict)
    broken_off: str | None = None

    def add(self, subject: str, found: Measurement) -> None:
        self.runs.setdefault(subject, []).append(found)

    @property
    def wrong(self) -> list[str]:
        """Replies and bookings that are missing, too many or not what they should be."""
        ended = [f"{self.question}: broken off: {self.broken_off}"] if self.broken_off else []
        return ended + [
            f"{self.question}: {subject}: {what}"
            for subject, runs in self.runs.items()
            for run in runs
            for what in run.wrong
        ]

    @property
    def courses(self) -> dict[str, Sequence[tuple[float, float]]]:
        """Of the first run of each subject that has one."""
        return {who: runs[0].course for who, runs in self.runs.items() if runs[0].course}

    @property
    def figures(self) -> list[Figure]:
        """What was measured, and then the ratios."""
        found = [
            Figure(self.question, subject, name, tuple(run.quantities[name] for run in runs))
            for subject, runs in self.runs.items()
            for name in runs[0].quantities
        ]
        return found + [self._ratio(each) for each in self.ratios if self._has(each)]

    def _has(self, ratio: Ratio) -> bool:
        return {ratio.of, ratio.to} <= self.runs.keys()

    def _ratio(self, ratio: Ratio) -> Figure:
        rounds = zip(self.runs[ratio.of], self.runs[ratio.to], strict=False)  # of whole rounds
        values = [
            of.quantities[ratio.quantity] / to.quantities[ratio.quantity] for of, to in rounds
        ]
        return Figure(self.question, ratio.subject, f"times {ratio.quantity}", tuple(values))
