"""Which commands of a batch may run side by side, and which have to wait for an earlier one.

A wave is recorded in one transaction; a later wave sees what an earlier one did. A command waits
for an earlier one with the same id, idempotency key or booking, and, when it wants a slot, for an
earlier one that may free an overlapping slot at the venue. Creates do not wait for each other:
their claims are granted in log order by the round runner. But who wants or frees a slot never comes
in a wave before an earlier one that wants it, or those who have to wait would be overtaken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from domain.time_slot import TimeSlot
from domain.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AtVenue:
    """A slot at a venue; None stands for any slot there."""

    venue_id: UUID
    slot: TimeSlot | None

    def may_overlap(self, other: AtVenue) -> bool:
        if self.venue_id != other.venue_id:
            return False
        return self.slot is None or other.slot is None or self.slot.overlaps(other.slot)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a command shares with others of its batch."""

    one_at_a_time: frozenset[Hashable]  # ids, keys, bookings
    wants: AtVenue | None = None  # the slot it may claim
    frees: AtVenue | None = None  # the slot it may give up
    barrier: bool = False  # nothing beside it, nothing of later before it


def waves(commands: Iterable[tuple[T, Needs]]) -> Sequence[Sequence[T]]:
    """The commands in groups to be done one group after another, each in its given order."""
    planned: list[list[T]] = []
    last: dict[Hashable, int] = {}
    freed, wanted = _Touched(), _Touched()
    floor = 0
    for command, needs in commands:
        wave = max(
            floor,
            *(last.get(shared, -1) + 1 for shared in needs.one_at_a_time),
            freed.latest(needs.wants) + 1,
            wanted.latest(needs.wants),
            wanted.latest(needs.frees),
        )
        if needs.barrier:
            wave = max(wave, len(planned))
            floor = wave + 1
        last |= dict.fromkeys(needs.one_at_a_time, wave)
        freed.add(needs.frees, wave)
        if wave > 0:  # nobody comes before the first wave
            wanted.add(needs.wants, wave)
        while len(planned) <= wave:
            planned.append([])
        planned[wave].append(command)
    return [wave for wave in planned if wave]


class _Touched:
    """Slots, and the wave in which each is freed or wanted."""

    def __init__(self) -> None:
        self._by_venue: defaultdict[UUID, list[tuple[AtVenue, int]]] = defaultdict(list)

    def add(self, at: AtVenue | None, wave: int) -> None:
        if at is not None:
            self._by_venue[at.venue_id].append((at, wave))

    def latest(self, at: AtVenue | None) -> int:
        """The last wave that may touch this slot; -1 when none does."""
        if at is None or at.venue_id not in self._by_venue:
            return -1
        return max(
            (wave for slot, wave in self._by_venue[at.venue_id] if slot.may_overlap(at)),
            default=-1,
        )
