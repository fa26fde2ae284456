"""A run beside an earlier one, figure by figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Change:
    """The medians of then and now."""

    figure: str
    before: float
    now: float
    is_within_spread: bool  # of either run: no more than chance

    @property
    def ratio(self) -> float | None:
        return self.now / self.before if self.before else None


def changes(earlier: Mapping[str, Any], figures: Sequence[Figure]) -> list[Change]:
    """Of the figures that both runs have, in the order of this one."""
    before = {
        f"{each['question']}: {each['subject']}: {each['quantity']}": each
        for each in earlier["figures"]
    }
    found = []
    for now in figures:
        if (then := before.get(now.id)) is not None:
            lowest, highest = now.spread
            meets = lowest <= then["highest"] and then["lowest"] <= highest
            found.append(Change(now.id, then["median"], now.median, meets))
    return found
