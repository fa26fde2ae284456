"""What a booking lacks of a wider claim, as parts that touch what it holds and never overlap it.

An exclusion constraint knows no "but my own": a booking that moves by an hour would conflict with
itself. So only the rest is claimed, rectangles of units by time: of the whole venue beside a held
item, everything below that item and everything above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Units:
    """One item (both bounds are it), or all items strictly between two; None is no bound."""

    above: str | None
    below: str | None

    @classmethod
    def of(cls, item: str | None) -> Units:
        """That item, or without one the whole venue."""
        return cls(item, item)

    @property
    def is_item(self) -> bool:
        return self.above is not None and self.above == self.below

    def covers(self, other: Units) -> bool:
        """Whether all of `other` lies within; Python's order of text is PostgreSQL's "C"."""
        if self.is_item:
            return self == other
        return self._starts_before(other) and self._ends_after(other)

    def _starts_before(self, other: Units) -> bool:
        if self.above is None or other.above is None:
            return self.above is None
        return self.above < other.above or (self.above == other.above and not other.is_item)

    def _ends_after(self, other: Units) -> bool:
        if self.below is None or other.below is None:
            return self.below is None
        return other.below < self.below or (other.below == self.below and not other.is_item)


@dataclass(frozen=True, slots=True)
class Part:
    """Units for a time; the times are any two instants, not whole minutes apart like a slot's."""

    units: Units
    starts_at: datetime
    ends_at: datetime

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        return self.starts_at < ends_at and starts_at < self.ends_at


def missing_parts(wanted: Part, held: Iterable[Part]) -> tuple[Part, ...]:
    """The parts of `wanted` that are not held yet, earliest first."""
    nearby = [part for part in held if part.overlaps(wanted.starts_at, wanted.ends_at)]
    if not nearby:
        return (wanted,)
    edges = {wanted.starts_at, wanted.ends_at}.union(
        edge
        for part in nearby
        for edge in (part.starts_at, part.ends_at)
        if wanted.starts_at < edge < wanted.ends_at
    )
    return tuple(
        Part(units, start, end)
        for start, end in pairwise(sorted(edges))
        for units in _missing_units(
            wanted.units, [part.units for part in nearby if part.overlaps(start, end)]
        )
    )


def _missing_units(wanted: Units, held: list[Units]) -> Iterator[Units]:
    """Cut what is wanted at every bound that is held; each piece is held whole or not at all."""
    for piece in _pieces([wanted, *held]):
        if wanted.covers(piece) and not any(units.covers(piece) for units in held):
            yield piece


def _pieces(units: Iterable[Units]) -> Iterator[Units]:
    cuts = {cut for each in units for cut in (each.above, each.below) if cut is not None}
    for above, below in pairwise([None, *sorted(cuts), None]):
        yield Units(above, below)
        if below is not None:
            yield Units.of(below)
